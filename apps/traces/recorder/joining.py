"""Counts what programs elsewhere told of a run of ours before its own trace was written."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, transaction

from apps.traces.models import AgentThought, ForeignTrace, PassedOver, Span, SpanPayload, Trace
from apps.traces.recorder import tables
from apps.traces.recorder.count_once import found_wrappers, strip
from apps.traces.recorder.growth import is_call, joined
from apps.traces.recorder.tables import ALIAS
from apps.traces.recorder.tallies import Tallies

_AT_ONCE = 500


def join_others(trace_ids: Sequence[UUID]) -> None:
    """Count such spans, once, where both they and the trace are written; drop them where the run is not kept.

    Whoever writes the one or the other asks for this when it is committed: the later of them does it. (The writer of
    traces looks as it writes, which costs it nothing; `join_left_over` finds what came between.)
    """
    waiting = ForeignTrace.objects.using(ALIAS).filter(trace_id__in=trace_ids, is_counted=False)
    if not trace_ids or not waiting.exists():
        return
    with transaction.atomic(using=ALIAS):
        ids = [row.trace_id for row in waiting.order_by("trace_id").select_for_update()]
        traces = Trace.objects.using(ALIAS).filter(id__in=ids).order_by("id").select_for_update()
        tallies = Tallies()
        for trace in traces:
            _join(trace, tallies)
        with connections[ALIAS].cursor() as cursor:
            if counted := tallies.rows():
                cursor.execute(tables.add_up(), [orjson.dumps(counted).decode()])
        waiting.filter(trace_id__in=[trace.id for trace in traces]).update(is_counted=True)
        _drop(list(PassedOver.objects.using(ALIAS).filter(trace_id__in=ids).values_list("trace_id", flat=True)))


def join_left_over() -> int:
    """Count what was overlooked because run and program were written in the same moment; how many traces."""
    waiting = ForeignTrace.objects.using(ALIAS).filter(is_counted=False)
    written = Trace.objects.using(ALIAS).filter(id__in=waiting.values("trace_id")).order_by()
    ids = list(written.values_list("id", flat=True)[:_AT_ONCE])
    join_others(ids)
    return len(ids)


def add_to(trace: Trace, spans: Sequence[Any], *, counted: int, before: Trace, tallies: Tallies) -> None:
    """Add spans to the sums of a run's trace and to the roll-ups; `before` is how the trace is counted now."""
    changes = joined(trace, spans, counted=counted)
    after = copy.copy(trace)
    for name, value in changes.items():
        setattr(after, name, value)
    tallies.add_trace(before, times=-1)
    tallies.add_trace(after)
    for span in spans:
        if span.duration_us is not None and is_call(span):
            tallies.add_span(after, span)
    Trace.objects.using(ALIAS).filter(id=trace.id).update(**changes)


def of_others(trace_ids: Sequence[UUID]) -> Any:
    """The spans in traces of our runs that programs elsewhere sent."""
    spans = Span.objects.using(ALIAS).filter(trace_id__in=trace_ids, node_id="").exclude(kind=Span.Kind.RUN)
    return spans.order_by("id")  # in their own order they would need the row of the trace


def _join(trace: Trace, tallies: Tallies) -> None:
    strip(found_wrappers([trace.id]))
    spans = list(of_others([trace.id]).defer("search"))
    if spans:
        add_to(trace, spans, counted=len(spans), before=trace, tallies=tallies)


def _drop(trace_ids: Sequence[UUID]) -> None:
    """The run is not in its app's sample: what others told of it goes too."""
    if not trace_ids:
        return
    ids = list(of_others(trace_ids).values_list("id", flat=True))
    SpanPayload.objects.using(ALIAS).filter(span_id__in=ids).delete()
    AgentThought.objects.using(ALIAS).filter(span_id__in=ids).delete()
    Span.objects.using(ALIAS).filter(id__in=ids)._raw_delete(ALIAS)
    ForeignTrace.objects.using(ALIAS).filter(trace_id__in=trace_ids).delete()
