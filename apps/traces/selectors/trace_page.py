"""Reading what the page of one trace shows: bones of its tree, spans that hold a text, what happened within spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Func, Q

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from apps.traces.selectors.tree import Bone

#: So many spans are drawn at first, and so many more at each wish.
PORTION = 10_000
#: Beyond this a page helps nobody; the download holds everything.
MOST = 50_000
_STARTED_US = Func(
    "started_at",
    template="(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint",
    output_field=BigIntegerField(),
)
_ORDER = ("position", "started_at", "id")


def bones_of(trace: Trace, *, limit: int = PORTION) -> list[Bone]:
    """The first spans of a trace, as far as its tree needs them: one query, no payloads."""
    spans = Span.objects.filter(trace=trace).annotate(started_us=_STARTED_US).order_by(*_ORDER)
    rows = spans.values_list(*Bone._fields)
    return [Bone._make(row) for row in rows[: min(limit, MOST)]]


def spans_saying(trace: Trace, text: str, *, limit: int = 2_000) -> list[UUID]:
    """The spans of the trace that have a text in their name, previews, error or the values behind the previews."""
    said = (
        Q(name__icontains=text)
        | Q(node_id__icontains=text)
        | Q(model__icontains=text)
        | Q(error_code__icontains=text)
        | Q(error_message__icontains=text)
        | Q(input_preview__icontains=text)
        | Q(output_preview__icontains=text)
        | Q(payload__text__icontains=text)
        | Q(payload__inputs__icontains=text)
        | Q(payload__outputs__icontains=text)
        | Q(payload__process__icontains=text)
    )
    found = Span.objects.filter(said, trace=trace).order_by(*_ORDER)
    return list(found.values_list("id", flat=True)[:limit])


def noted_in(trace: Trace, *, limit: int = MOST) -> dict[UUID, tuple[Any, Any]]:
    """What happened within spans: their events, and what their code printed, for those that have either."""
    rows = (
        SpanPayload.objects.filter(span__trace=trace)
        .exclude(events=[], process__stdout__isnull=True, process__stderr__isnull=True)
        .values_list("span_id", "events", "process__stdout", "process__stderr")[:limit]
    )
    return {span_id: (events, [text for text in (out, err) if text]) for span_id, events, out, err in rows}


def errors_of(trace: Trace, *, limit: int = 5_000) -> dict[UUID, str]:
    """What the failed spans of a trace said."""
    rows = Span.objects.filter(trace=trace).exclude(error_message="").values_list("id", "error_message")
    return dict(rows[:limit])


def thoughts_of_span(span: Span) -> list[AgentThought]:
    """The calls of models that a span made, in order: those of the whole trace for the span of the run."""
    thoughts = AgentThought.objects.filter(trace_id=span.trace_id)
    if span.kind != Span.Kind.RUN:
        thoughts = thoughts.filter(span=span)
    return list(thoughts.order_by("position"))


def whole_spans(trace: Trace) -> Iterator[Span]:
    """Every span with its payload, a few at a time: a download does not hold a trace in memory."""
    return Span.objects.filter(trace=trace).select_related("payload").order_by(*_ORDER).iterator(chunk_size=500)


def recent_beside(trace: Trace, *, within: Any, limit: int = 12) -> list[Trace]:
    """The latest other traces of the same app or service: what one would compare a trace with."""
    same = (
        {"application_id": trace.application_id}
        if trace.application_id
        else {"application_name": trace.application_name}
    )
    found = within.filter(team_id=trace.team_id, **same).exclude(id=trace.id)
    return list(
        found.defer("input", "output", "error_details", "tags", "truncated").order_by("-started_at", "-id")[:limit]
    )


def ways_chosen(trace: Trace) -> dict[str, set[str]]:
    """The ways on that branching nodes of the run chose, by node."""
    rows = Span.objects.filter(trace=trace).exclude(handle="").values_list("node_id", "handle").distinct()
    chosen: dict[str, set[str]] = {}
    for node_id, handle in rows:
        chosen.setdefault(node_id, set()).add(handle)
    return chosen


def kinds_in(trace: Trace) -> set[str]:
    """The node types and kinds of the trace's spans."""
    rows = Span.objects.filter(trace=trace).order_by().values_list("node_type", "kind").distinct()
    return {node_type or kind for node_type, kind in rows}
