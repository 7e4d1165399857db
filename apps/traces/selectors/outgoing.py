"""Reads the traces that wait to be sent on, with all their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from apps.traces.models import Span, SpanPayload, Trace
from apps.traces.models.destination import OutgoingTrace, TraceDestination

#: Spans of one trace that are sent on.
MOST_SPANS = 5_000

Rows = tuple[Trace, list[Span], dict[UUID, SpanPayload]]


def destination_of(team_id: UUID) -> TraceDestination | None:
    """Where the team's traces are sent on to."""
    return TraceDestination.objects.filter(team_id=team_id).first()


def waiting_of(team_id: UUID) -> int:
    """How many traces of the team wait."""
    return OutgoingTrace.objects.filter(team_id=team_id).count()


def rows_of(trace_ids: Sequence[UUID], *, with_payloads: bool) -> list[Rows]:
    """The traces that are there, each with its spans in order."""
    spans: dict[UUID, list[Span]] = defaultdict(list)
    for span in Span.objects.filter(trace_id__in=trace_ids).defer("search").order_by("trace_id", "position", "id"):
        if len(spans[span.trace_id]) < MOST_SPANS:
            spans[span.trace_id].append(span)
    wanted = [span.id for each in spans.values() for span in each] if with_payloads else []
    payloads = {payload.span_id: payload for payload in SpanPayload.objects.filter(span_id__in=wanted)}
    return [
        (trace, spans[trace.id], {span.id: payloads[span.id] for span in spans[trace.id] if span.id in payloads})
        for trace in Trace.objects.filter(id__in=trace_ids).order_by("id")
    ]
