"""Writes finished traces: one statement for any number of them, with all that is below and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

import orjson
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from apps.traces.models import AgentThought, ForeignTrace, PassedOver, Span, SpanPayload, Trace
from apps.traces.recorder import tables
from apps.traces.recorder.joining import join_others
from apps.traces.recorder.outgoing import queue_outgoing
from apps.traces.recorder.record import (
    RecordedPayload,
    RecordedSpan,
    RecordedThought,
    RecordedTrace,
    TraceRow,
)
from apps.traces.recorder.tallies import Tallies, tallies_of
from apps.traces.recorder.treatment import treated
from apps.traces.recorder.words import worded

ALIAS = tables.ALIAS


def write(records: Sequence[RecordedTrace], *, replace: bool = False, sampled: bool = True) -> int:
    """Write all records in one transaction; the number of traces that were new.

    They are priced and masked first. Those that are not in their app's sample are counted and not written, unless
    they are not to be `sampled`. A trace that is there already is left alone, so that a repeated write is harmless;
    with `replace` it makes room.
    """
    treatment = treated(records, sampled=sampled)
    records = [worded(record) for record in treatment.kept]
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        if treatment.passed_over:
            _pass_over(treatment.passed_over)
        fresh = _written(cursor, records, replace=replace, sampled=sampled) if records else {}
    early = [trace_id for trace_id, others_came_before in fresh.items() if others_came_before]
    join_others([*early, *(record.trace.id for record in treatment.passed_over)])
    return len(fresh)


def _written(
    cursor: CursorWrapper, records: Sequence[RecordedTrace], *, replace: bool, sampled: bool
) -> dict[UUID, bool]:
    """Write the records and count them; the ids of those that were new, and whether others told of them before."""
    if not sampled:
        _uncount(records)
    tallies = tallies_of(records)
    if replace:
        _take_back(cursor, tallies, [record.trace.id for record in records])
    cursor.execute(_statement(), [*_parameters(records), _given(tallies), len(records)])
    fresh: dict[UUID, bool] = dict(cursor.fetchall())
    if len(fresh) < len(records):  # so nothing was counted
        count(tallies_of(record for record in records if record.trace.id in fresh))
    if not replace:  # what is written anew was sent on before
        queue_outgoing(cursor, [record.trace for record in records if record.trace.id in fresh])
    return fresh


def count(tallies: Tallies) -> None:
    """Add to the roll-ups, in the transaction that writes what is counted (or for runs of which nothing is kept)."""
    given = tallies.rows()
    if given:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(tables.add_up(), [orjson.dumps(given).decode()])


def delete(trace_ids: Sequence[UUID]) -> int:
    """Delete traces with all that is below them; how many there were. The roll-ups go on counting them."""
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        return _delete(cursor, list(trace_ids))


def _pass_over(records: Sequence[RecordedTrace]) -> None:
    """Count the runs, each once, and keep nothing else of them."""
    rows = {record.trace.id: PassedOver(trace_id=record.trace.id, team_id=record.trace.team_id) for record in records}
    known = set(Trace.objects.using(ALIAS).filter(id__in=rows).values_list("id", flat=True))
    known |= set(PassedOver.objects.using(ALIAS).filter(trace_id__in=rows).values_list("trace_id", flat=True))
    PassedOver.objects.using(ALIAS).bulk_create(
        [row for trace_id, row in rows.items() if trace_id not in known], ignore_conflicts=True
    )
    count(tallies_of(record for record in records if record.trace.id not in known))


def _uncount(records: Sequence[RecordedTrace]) -> None:
    """Runs that were passed over are to be kept after all: they are counted when they are written."""
    passed = PassedOver.objects.using(ALIAS).filter(trace_id__in=[record.trace.id for record in records])
    before = set(passed.values_list("trace_id", flat=True))
    tallies = Tallies()
    for record in records:
        if record.trace.id in before:
            tallies.add_trace(record.trace, times=-1)
            for thought in record.thoughts:
                if thought.model:
                    tallies.add_thought(record.trace, thought, times=-1)
    passed.delete()
    count(tallies)


@lru_cache(maxsize=1)
def _statement() -> str:
    """All tables at once: a chat turn pays for one round trip. Rows of a trace that is there already are left out.

    Against one COPY per table this costs about a tenth more per row and four statements less per turn. The roll-ups
    come added up, so they count all of the batch or, where one trace was there before, nothing yet.
    """
    of_a_new_trace = "WHERE given.trace_id IN (SELECT id FROM fresh) ON CONFLICT DO NOTHING"
    of_a_new_span = "WHERE given.span_id IN (SELECT id FROM spans) ON CONFLICT DO NOTHING"
    parts = {
        "fresh": tables.insert(Trace, TraceRow, "ON CONFLICT DO NOTHING RETURNING id"),
        "spans": tables.insert(Span, RecordedSpan, f"{of_a_new_trace} RETURNING id"),
        "payloads": tables.insert(SpanPayload, RecordedPayload, of_a_new_span),
        "thoughts": tables.insert(AgentThought, RecordedThought, of_a_new_trace),
        "counted": tables.add_up("WHERE (SELECT count(*) FROM fresh) = %s"),
    }
    named = ", ".join(f"{name} AS ({part})" for name, part in parts.items())
    table = ForeignTrace._meta.db_table
    early = f"EXISTS (SELECT FROM {table} WHERE trace_id = fresh.id AND NOT is_counted)"
    return f"WITH {named} SELECT id, {early} FROM fresh"  # noqa: S608 - made of names of models


def _parameters(records: Sequence[RecordedTrace]) -> list[str]:
    return [
        tables.rows(Trace, TraceRow, [record.trace for record in records]),
        tables.rows(Span, RecordedSpan, [span for record in records for span in record.spans]),
        tables.rows(SpanPayload, RecordedPayload, [row for record in records for row in record.payloads]),
        tables.rows(AgentThought, RecordedThought, [row for record in records for row in record.thoughts]),
    ]


def _given(tallies: Tallies) -> str:
    return orjson.dumps(tallies.rows()).decode()


def _take_back(cursor: CursorWrapper, tallies: Tallies, ids: list[UUID]) -> None:
    """Delete the traces and count them no more: others take their place. What programs elsewhere told of them stays."""
    for trace in Trace.objects.using(ALIAS).filter(id__in=ids).select_for_update():
        tallies.add_trace(trace, times=-1)
        for thought in AgentThought.objects.using(ALIAS).filter(trace=trace).exclude(model=""):
            tallies.add_thought(trace, thought, times=-1)
    others = ForeignTrace.objects.using(ALIAS).filter(trace_id__in=ids)
    others.update(is_counted=False)
    for model, column in ((SpanPayload, "span_id"), (AgentThought, "span_id"), (Span, "id")):
        spans = f"SELECT id FROM {Span._meta.db_table} WHERE trace_id = ANY(%s) AND (node_id <> '' OR kind = 'run')"  # noqa: S608
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {column} IN ({spans})", [ids])  # noqa: S608
    cursor.execute(f"DELETE FROM {Trace._meta.db_table} WHERE id = ANY(%s)", [ids])  # noqa: S608


def _delete(cursor: CursorWrapper, ids: list[UUID]) -> int:
    # First what senders hold while they let a trace grow: spans that arrive now are seen below, or begin it anew.
    cursor.execute(f"DELETE FROM {ForeignTrace._meta.db_table} WHERE trace_id = ANY(%s)", [ids])  # noqa: S608
    spans = f"SELECT id FROM {Span._meta.db_table} WHERE trace_id = ANY(%s)"  # noqa: S608
    cursor.execute(f"DELETE FROM {SpanPayload._meta.db_table} WHERE span_id IN ({spans})", [ids])  # noqa: S608
    for model in (AgentThought, Span):
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE trace_id = ANY(%s)", [ids])  # noqa: S608
    cursor.execute(f"DELETE FROM {Trace._meta.db_table} WHERE id = ANY(%s)", [ids])  # noqa: S608
    return int(cursor.rowcount)
