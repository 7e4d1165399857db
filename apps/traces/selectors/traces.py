"""Reading traces: lists for the admin, one trace with its tree, one span with its payload."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connections
from django.db.models import Q, QuerySet

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from support.errors import NotFound

#: Columns that lists do without.
LARGE = ("input", "output", "error_details", "tags", "truncated")
MOST_APPS = 200


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
    return list(AgentThought.objects.filter(trace=trace).order_by("position"))


def thought_of(span: Span) -> AgentThought | None:
    """The thought of a span that called a model."""
    return AgentThought.objects.filter(span=span).order_by("position").first()


def trace_of_run(run_id: UUID, *, team_ids: Iterable[UUID]) -> Trace | None:
    """The trace of a run, once it is written."""
    return Trace.objects.filter(id=run_id, team_id__in=list(team_ids)).first()


def matching(queryset: QuerySet[Trace], text: str) -> QuerySet[Trace]:
    """Traces with this id (of the trace, run, message or conversation), this user, or this text in a preview."""
    wanted = as_uuid(text)
    if wanted is not None:
        return queryset.filter(Q(id=wanted) | Q(message_id=wanted) | Q(conversation_id=wanted))
    return queryset.filter(
        Q(input_preview__icontains=text) | Q(output_preview__icontains=text) | Q(end_user=text) | Q(error_code=text)
    )


#: Each turn finds the newest trace of the next app: PostgreSQL cannot skip through an index by itself.
_TRACED_APPS = """
    WITH RECURSIVE app AS (
        (SELECT application_id, application_name FROM traces_trace
         WHERE %(all)s OR team_id = ANY(%(teams)s)
         ORDER BY application_id, started_at DESC, id DESC LIMIT 1)
        UNION ALL
        SELECT next.* FROM app, LATERAL (
            SELECT application_id, application_name FROM traces_trace
            WHERE application_id > app.application_id AND (%(all)s OR team_id = ANY(%(teams)s))
            ORDER BY application_id, started_at DESC, id DESC LIMIT 1) next)
    SELECT application_id, application_name FROM app WHERE application_id IS NOT NULL LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedApp:
    """An app that has traces, by its latest name."""

    id: UUID
    name: str


def traced_apps(*, team_ids: Iterable[UUID] | None) -> list[TracedApp]:
    """The apps that have traces, by name (None: of all teams). Hops through the index: it reads one row for each."""
    with connections["traces"].cursor() as cursor:
        cursor.execute(_TRACED_APPS, {"all": team_ids is None, "teams": list(team_ids or ()), "most": MOST_APPS})
        found = [TracedApp(id=row[0], name=row[1]) for row in cursor.fetchall()]
    return sorted(found, key=lambda app: app.name.casefold())


def as_uuid(text: str) -> UUID | None:
    """The id that a text spells, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
