"""Makes the roll-ups of whole days again from the traces that are there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet

from apps.traces.models import AgentThought, ForeignTrace, Rollup, Span, Trace
from apps.traces.recorder.growth import is_call
from apps.traces.recorder.store import ALIAS, count
from apps.traces.recorder.tallies import Tallies
from support.ids import earliest

_DAY = dt.timedelta(days=1)
#: A trace's id may be older or younger than its start by this much.
_SLACK = dt.timedelta(days=7)
_AT_ONCE = 2_000
_LARGE = ("input", "output", "error_details", "tags", "truncated")


def recount_days(since: dt.date, until: dt.date) -> int:
    """Count the days from `since` up to and without `until` anew; the number of traces.

    For traces from before there were roll-ups. What was dropped, or sampled out, is not there to be counted: do this
    to days of which everything is kept. Nothing should be writing traces of those days meanwhile.
    """
    counted = 0
    day = dt.datetime.combine(since, dt.time(), dt.UTC)
    while day.date() < until:
        counted += _recount(day)
        day += _DAY
    return counted


def _recount(day: dt.datetime) -> int:
    tallies = Tallies()
    with transaction.atomic(using=ALIAS):
        Rollup.objects.using(ALIAS).filter(at__gte=day, at__lt=day + _DAY).delete()
        traces: dict[UUID, Trace] = {}
        for trace in _of_day(Trace, day).defer(*_LARGE).iterator():
            tallies.add_trace(trace)
            traces[trace.id] = trace
        seen = len(traces)
        told = _count_thoughts(day, traces, tallies)
        _count_spans(day, traces, tallies, told=told)
        count(tallies)
    return seen


def _count_thoughts(day: dt.datetime, traces: dict[UUID, Trace], tallies: Tallies) -> set[UUID]:
    """Count the calls that thoughts were; the spans that these belong to."""
    told: set[UUID] = set()
    thoughts = _of_day(AgentThought, day).exclude(model="")
    large = ("thought", "observation", "tool_input", "parameters")
    for thought, trace in _with_traces(thoughts.defer(*large), traces):
        tallies.add_thought(trace, thought)
        told.add(thought.span_id)
    return told


def _count_spans(day: dt.datetime, traces: dict[UUID, Trace], tallies: Tallies, *, told: Collection[UUID]) -> None:
    """Count the calls that others told of without a thought, such as embeddings.

    What waits for the trace of a run of ours is not counted yet, and will be when that is written.
    """
    waiting = ForeignTrace.objects.using(ALIAS).filter(is_counted=False)
    spans = _of_day(Span, day).filter(node_id="", duration_us__isnull=False)
    spans = spans.exclude(kind=Span.Kind.RUN).exclude(model="").exclude(trace_id__in=waiting.values("trace_id"))
    for span, trace in _with_traces(spans.defer("search"), traces):
        if span.id not in told and is_call(span):
            tallies.add_span(trace, span)


def _of_day(model: type[Model], day: dt.datetime) -> QuerySet[Any]:
    """The rows that began on that day, unordered; ids keep it to the partitions of those months."""
    rows = model._default_manager.using(ALIAS).order_by()
    return rows.filter(
        started_at__gte=day,
        started_at__lt=day + _DAY,
        id__gte=earliest(day - _SLACK),
        id__lt=earliest(day + _DAY + _SLACK),
    )


def _with_traces(calls: QuerySet[Any], traces: dict[UUID, Trace]) -> Iterator[tuple[Any, Trace]]:
    """Each call with its trace, where that is kept. It may have begun the day before: such are added to `traces`."""
    rows = calls.iterator(chunk_size=_AT_ONCE)
    while batch := list(islice(rows, _AT_ONCE)):
        unknown = {call.trace_id for call in batch} - traces.keys()
        traces |= Trace.objects.using(ALIAS).defer(*_LARGE).in_bulk(unknown) if unknown else {}
        yield from ((call, traces[call.trace_id]) for call in batch if call.trace_id in traces)
