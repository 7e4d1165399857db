"""Reading traces as a dialogue: those of a conversation or of a session, a portion at a time, with what was thought."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import JSONObject, Left

from apps.traces.models import AgentThought, Trace

#: So many calls of models stand beside a turn; the trace has them all.
MOST_THOUGHTS = 8
_LONGEST_THOUGHT = 600
_TROUBLED = (Trace.Status.FAILED, Trace.Status.INCOMPLETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What all traces of a dialogue come to."""

    traces: int
    errors: int
    input_tokens: int
    output_tokens: int
    #: By currency: amounts of different ones are not added up.
    costs: tuple[tuple[str, Decimal], ...]
    unpriced_calls: int
    ended: dt.datetime | None


def with_thoughts(traces: QuerySet[Trace]) -> QuerySet[Trace]:
    """The traces, each with its first calls of models: one query, however many there are."""
    thoughts = (
        AgentThought.objects.filter(trace=OuterRef("id"))
        .order_by("position", "started_at", "id")
        .values(
            told=JSONObject(
                position="position",
                thought=Left("thought", _LONGEST_THOUGHT),
                tool="tool",
                tool_input="tool_input",
                observation=Left("observation", _LONGEST_THOUGHT),
                model="model",
                input_tokens="input_tokens",
                output_tokens="output_tokens",
                latency_us="latency_us",
                error_code="error_code",
                span_id="span_id",
            )
        )[: MOST_THOUGHTS + 1]
    )
    return traces.annotate(told_thoughts=ArraySubquery(thoughts))


def traces_of_runs(run_ids: Iterable[UUID], *, team_id: UUID) -> dict[UUID, Trace]:
    """The traces of these runs by run, with their thoughts, without what they said."""
    found = Trace.objects.filter(id__in=list(run_ids), team_id=team_id)
    return {trace.id: trace for trace in with_thoughts(found.defer("input", "output", "error_details"))}


def traces_of_session(team_id: UUID, session: str) -> QuerySet[Trace]:
    """The traces of a session in order."""
    found = Trace.objects.filter(team_id=team_id, session=session) if session else Trace.objects.none()
    return found.order_by("started_at", "id")


def traces_of_conversation(team_id: UUID, conversation_id: UUID) -> QuerySet[Trace]:
    """The traces of a conversation of ours in order."""
    return Trace.objects.filter(team_id=team_id, conversation_id=conversation_id).order_by("started_at", "id")


def beyond(trace: Trace, *, is_after: bool) -> Q:
    """What comes after a trace, or before it, in the order of a dialogue."""
    way = "gt" if is_after else "lt"
    return Q(**{f"started_at__{way}": trace.started_at}) | Q(**{"started_at": trace.started_at, f"id__{way}": trace.id})


def troubled(traces: QuerySet[Trace]) -> QuerySet[Trace]:
    """Those of them that failed."""
    return traces.filter(status__in=_TROUBLED)


def sums_of(traces: QuerySet[Trace]) -> Sums:
    """What the traces come to: one query."""
    groups = list(
        traces.order_by("currency")
        .values("currency")
        .annotate(
            traces=Count("id"),
            errors=Count("id", Q(status__in=_TROUBLED)),
            sum_in=Sum("input_tokens"),
            sum_out=Sum("output_tokens"),
            spent=Sum("cost"),
            unpriced=Sum("unpriced_calls"),
            ended=Max("started_at"),
        )
    )
    return Sums(
        traces=sum(group["traces"] for group in groups),
        errors=sum(group["errors"] for group in groups),
        input_tokens=sum(group["sum_in"] for group in groups),
        output_tokens=sum(group["sum_out"] for group in groups),
        costs=tuple((group["currency"], group["spent"]) for group in groups if group["spent"] is not None),
        unpriced_calls=sum(group["unpriced"] for group in groups),
        ended=max((group["ended"] for group in groups), default=None),
    )
