"""Reading traces: lists for the admin, one trace with its tree, one span with its payload."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from support.errors import NotFound

#: Columns that lists do without.
LARGE = ("input", "output", "error_details", "tags", "truncated")


def open_trace(trace_id: UUID, *, within: QuerySet[Trace]) -> Trace:
    """The one door to a trace: `within` is what the person may see. Raises NotFound."""
    found = within.filter(id=trace_id).first()
    if found is None:
        raise NotFound("There is no such trace in your teams.")
    return found


def spans_of(trace: Trace, *, limit: int) -> list[Span]:
    """The first spans of the tree in order, without their payloads."""
    return list(Span.objects.filter(trace=trace).defer("search").order_by("position")[:limit])


def open_span(span_id: UUID, *, trace: Trace) -> Span:
    """A span of the trace with its payload (skipped spans have none). Raises NotFound."""
    found = Span.objects.filter(id=span_id, trace=trace).select_related("payload").first()
    if found is None:
        raise NotFound("There is no such span in this trace.")
    return found


def payload_of(span: Span) -> SpanPayload | None:
    """The payload that came with the span, or None where nothing was recorded."""
    try:
        return span.payload
    except SpanPayload.DoesNotExist:
        return None


def thoughts_of(trace: Trace) -> list[AgentThought]:
    """The trace's calls of models in order."""
    return list(AgentThought.objects.filter(trace=trace).order_by("position", "started_at", "id"))


def thought_of(span: Span) -> AgentThought | None:
    """The thought of a span that called a model."""
    return AgentThought.objects.filter(span=span).order_by("position").first()


def trace_of_run(run_id: UUID, *, team_ids: Iterable[UUID]) -> Trace | None:
    """The trace of a run, once it is written."""
    return Trace.objects.filter(id=run_id, team_id__in=list(team_ids)).first()


def as_uuid(text: str) -> UUID | None:
    """The id that a text spells, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
