"""Stores spans that programs elsewhere sent: each once, however often it comes, and their traces grow with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from apps.traces.models import AgentThought, ForeignTrace, Span, SpanPayload, Trace
from apps.traces.recorder import tables
from apps.traces.recorder.count_once import found_wrappers, strip, without
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.foreign_rows import ForeignRows, micros, rows_of
from apps.traces.recorder.growth import New, calls_of, grown, is_call, setting_of
from apps.traces.recorder.joining import add_to, join_others
from apps.traces.recorder.record import RecordedPayload, RecordedSpan, RecordedThought, TraceRow
from apps.traces.recorder.shapes import stable_id
from apps.traces.recorder.store import ALIAS, count
from apps.traces.recorder.tallies import Tallies
from apps.traces.recorder.treatment import treated_spans
from apps.traces.recorder.words import with_words
from apps.traces.recorder.wrappers import TOKENS, WRAPPER, wrappers
from apps.traces.services.own_runs import own_runs
from support.ids import uuid7


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of a batch: spans that were new or had not ended before, and spans that were there already."""

    new: int
    repeated: int


def store_foreign(team_id: UUID, spans: Sequence[ForeignSpan]) -> Stored:
    """Store the spans of one team in one transaction; sent again, they change nothing.

    They are priced and masked first. Of traces outside the sample only the sums are kept. Spans of a program that a run
    of the team asked, and passed its trace on to, become part of the run's trace.
    """
    own = own_runs(team_id, {span.trace_id for span in spans})
    given, passed_over = treated_spans(team_id, spans, own=own)
    if passed_over:
        _count_only(team_id, passed_over)
    traces: dict[str, dict[tuple[str, int], ForeignSpan]] = {}
    for span in given:
        _keep(traces.setdefault(span.trace_id, {}), span)
    if not traces:
        return Stored(new=len(passed_over), repeated=0)
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        ids, waiting = _trace_ids(cursor, team_id, traces, own)
        # Held until the end: tags and prices that somebody changes meanwhile must not be written over.
        known = Trace.objects.using(ALIAS).order_by("id").select_for_update().in_bulk(ids.values())
        batches = [
            _Batch(
                list(given.values()),
                known.get(ids[name]),
                trace_id=ids[name],
                team_id=team_id,
                external_id=name,
                waits=ids[name] in waiting,
            )
            for name, given in sorted(traces.items())
        ]
        rows = [row for batch in batches for row in batch.rows]
        fresh = _insert(cursor, rows)
        ended = _end(cursor, [row for row in rows if row.span.id not in fresh and row.span.duration_us is not None])
        _count_once(batches, fresh | ended)
        _grow(cursor, batches, fresh, ended)
    join_others(list(waiting))
    return Stored(new=len(passed_over) + len(fresh) + len(ended), repeated=len(given) - len(fresh) - len(ended))


class _Batch:
    """The spans of one trace."""

    def __init__(
        self,
        given: list[ForeignSpan],
        old: Trace | None,
        *,
        trace_id: UUID,
        team_id: UUID,
        external_id: str,
        waits: bool = False,
    ) -> None:
        #: It belongs to a run of ours whose trace is not counted with it yet.
        self.waits = waits
        self.given, self.old, self.external_id = given, old, external_id
        self.setting = setting_of(given, old, trace_id=trace_id, team_id=team_id)
        self.rows = [rows_of(span, self.setting) for span in given]
        self.was_counted: list[Span] = []

    def set_right(self, found: Sequence[Span | RecordedSpan]) -> None:
        """Some spans turned out to wrap others: those of the batch count nothing, those from before no more."""
        here = {row.span.id for row in self.rows}
        nothing: dict[str, Any] = dict.fromkeys(TOKENS, 0)
        ids = {span.id for span in found}
        self.was_counted = [span for span in found if isinstance(span, Span) and span.id not in here]
        self.rows = [
            replace(row, span=replace(row.span, kind=WRAPPER, cost=None, currency="", **nothing), thought=None)
            if row.span.id in ids
            else row
            for row in self.rows
        ]

    def grown(self, fresh: set[UUID], ended: set[UUID], tallies: Tallies) -> TraceRow | None:
        """The trace with what is new, counted; None where nothing is."""
        new = [(span, row) for span, row in zip(self.given, self.rows, strict=True) if row.span.id in fresh | ended]
        if not new or self.waits:
            return None
        rows = [row for _span, row in new]
        if self.old is not None and self.old.run_id is not None:
            self._join(self.old, [row.span for row in rows], fresh, tallies)
            return None
        trace = grown(
            without(self.old, self.was_counted) if self.old is not None else None,
            New(given=[span for span, _row in new], rows=rows, counted=sum(row.span.id in fresh for row in rows)),
            self.setting,
            external_id=self.external_id,
        )
        if self.old is not None:
            tallies.add_trace(self.old, times=-1)
            for counted in filter(is_call, self.was_counted):
                tallies.add_span(self.old, counted, times=-1)
        tallies.add_trace(trace)
        for span in calls_of(rows):
            tallies.add_span(trace, span)
        return trace

    def _join(self, old: Trace, spans: Sequence[RecordedSpan], fresh: set[UUID], tallies: Tallies) -> None:
        """Add spans to the trace of a run of ours."""
        for counted in filter(is_call, self.was_counted):
            tallies.add_span(old, counted, times=-1)
        here = sum(span.id in fresh for span in spans)
        add_to(without(old, self.was_counted), spans, counted=here, before=old, tallies=tallies)


def _count_only(team_id: UUID, spans: Sequence[ForeignSpan]) -> None:
    """Count calls of models, and traces whose root is here. What is sent twice is counted twice: nothing is kept."""
    traces: dict[str, list[ForeignSpan]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    tallies = Tallies()
    for name, of_trace in traces.items():
        batch = _Batch(of_trace, None, trace_id=uuid7(), team_id=team_id, external_id=name)
        batch.set_right([row.span for row in batch.rows if row.span.id in wrappers(each.span for each in batch.rows)])
        all_ids = {row.span.id for row in batch.rows}
        counted = Tallies() if all(span.parent_key for span in of_trace) else tallies
        trace = batch.grown(all_ids, set(), counted)
        if trace is not None and counted is not tallies:
            for call in calls_of(batch.rows):
                tallies.add_span(trace, call)
    count(tallies)


def _keep(found: dict[tuple[str, int], ForeignSpan], span: ForeignSpan) -> None:
    """One of each; of a span that came twice in one batch, the one that ended."""
    place = span.key, span.started_ns
    if place not in found or found[place].ended_ns is None:
        found[place] = span


def _trace_ids(
    cursor: CursorWrapper,
    team_id: UUID,
    traces: Mapping[str, Mapping[tuple[str, int], ForeignSpan]],
    own: Mapping[str, UUID],
) -> tuple[dict[str, UUID], set[UUID]]:
    """The ids of ours, and those of them whose own trace does not count what others told of it yet.

    Who has them may be sure that nobody else lets these traces grow at the same time.
    """
    written = set(Trace.objects.using(ALIAS).filter(id__in=own.values()).values_list("id", flat=True)) if own else set()
    given: list[dict[str, Any]] = []
    for name in sorted(traces):
        started_us = min(micros(span.started_ns) for span in traces[name].values())
        trace_id = own.get(name) or stable_id(team_id, of=f"trace {name}", position=0, at_us=started_us)
        is_counted = name not in own or trace_id in written
        given.append({"trace_id": trace_id, "team_id": team_id, "external_id": name, "is_counted": is_counted})
    table = ForeignTrace._meta.db_table
    cursor.execute(
        f"INSERT INTO {table} (trace_id, team_id, external_id, is_counted) "  # noqa: S608
        f"SELECT trace_id, team_id, external_id, is_counted FROM json_populate_recordset(NULL::{table}, %s::json) "
        "ON CONFLICT (team_id, external_id) DO UPDATE SET external_id = EXCLUDED.external_id "
        "RETURNING external_id, trace_id, is_counted",
        [orjson.dumps(given).decode()],
    )
    rows = cursor.fetchall()
    return {name: trace_id for name, trace_id, _ in rows}, {trace_id for _, trace_id, counted in rows if not counted}


def _insert(cursor: CursorWrapper, rows: Sequence[ForeignRows]) -> set[UUID]:
    """Insert what is not there; the ids of those spans."""
    cursor.execute(
        _insertion(),
        [
            tables.rows(Span, RecordedSpan, [with_words(row.span, row.payload) for row in rows]),
            tables.rows(SpanPayload, RecordedPayload, [row.payload for row in rows]),
            tables.rows(AgentThought, RecordedThought, [row.thought for row in rows if row.thought is not None]),
        ],
    )
    return {row[0] for row in cursor.fetchall()}


@lru_cache(maxsize=1)
def _insertion() -> str:
    of_a_new_span = "WHERE given.span_id IN (SELECT id FROM fresh) ON CONFLICT DO NOTHING"
    fresh = tables.insert(Span, RecordedSpan, "ON CONFLICT DO NOTHING RETURNING id")
    payloads = tables.insert(SpanPayload, RecordedPayload, of_a_new_span)
    thoughts = tables.insert(AgentThought, RecordedThought, of_a_new_span)
    return f"WITH fresh AS ({fresh}), payloads AS ({payloads}), thoughts AS ({thoughts}) SELECT id FROM fresh"  # noqa: S608


def _end(cursor: CursorWrapper, rows: Sequence[ForeignRows]) -> set[UUID]:
    """Put spans in the place of those that were sent before they ended; the ids of these."""
    if not rows:
        return set()
    open_ = Span.objects.using(ALIAS).filter(id__in=[row.span.id for row in rows], duration_us=None)
    ids = set(open_.values_list("id", flat=True))
    if ids:
        for model, column in ((SpanPayload, "span_id"), (Span, "id")):
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {column} = ANY(%s)", [list(ids)])  # noqa: S608
        _insert(cursor, [row for row in rows if row.span.id in ids])
    return ids


def _count_once(batches: Sequence[_Batch], new: set[UUID]) -> None:
    """Where new spans have tokens: see to it that none around or inside of them has the same tokens again."""
    concerned = {
        batch.setting.trace_id: batch
        for batch in batches
        if any(row.span.id in new and (row.span.input_tokens or row.span.output_tokens) for row in batch.rows)
    }
    found = found_wrappers(concerned) if concerned else []
    for trace_id, batch in concerned.items():
        batch.set_right([span for span in found if span.trace_id == trace_id])
    if found:
        strip(found)


def _grow(cursor: CursorWrapper, batches: Sequence[_Batch], fresh: set[UUID], ended: set[UUID]) -> None:
    tallies = Tallies()
    traces = [trace for batch in batches if (trace := batch.grown(fresh, ended, tallies)) is not None]
    counted = orjson.dumps(tallies.rows()).decode()
    if traces:
        cursor.execute(_growth(), [tables.rows(Trace, TraceRow, traces), counted])
    elif tallies.rows():
        cursor.execute(tables.add_up(), [counted])


@lru_cache(maxsize=1)
def _growth() -> str:
    names = [field.column for field in Trace._meta.concrete_fields if field.column != "id"]
    changes = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in names)
    traces = tables.insert(Trace, TraceRow, f"ON CONFLICT (id) DO UPDATE SET {changes}")
    return f"WITH grown AS ({traces}) {tables.add_up()}"
