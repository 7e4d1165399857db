"""Reading online evaluation: its scores over time, its newest ones, and those of one trace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDay
from django.urls import reverse
from django.utils import timezone

from apps.annotations.models import OnlineEvaluation, TraceScore
from apps.annotations.selectors.reasons import reason_of
from apps.annotations.statistics import Interval, wilson_interval
from apps.traces.selectors.shown_scores import ShownScore
from support.errors import NotFound

NEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfScores:
    """What one evaluator said of the answers of one day (UTC)."""

    day: dt.date
    scored: int
    passed: int
    mean: float
    #: Share that passed, with its interval.
    rate: Interval


def online_evaluations(team_ids: Iterable[UUID]) -> QuerySet[Any]:
    """The teams' online evaluations by name."""
    found = OnlineEvaluation.objects.filter(team_id__in=list(team_ids)).select_related("application", "team")
    newest = TraceScore.objects.filter(online=OuterRef("pk")).order_by("-created_at")
    return found.annotate(last_at=Subquery(newest.values("created_at")[:1])).order_by("name")


def open_online(online_id: UUID, *, team_ids: Iterable[UUID]) -> OnlineEvaluation:
    """The one door to an online evaluation. Raises NotFound."""
    found = online_evaluations(team_ids).filter(id=online_id).first()
    if found is None:
        raise NotFound("There is no such online evaluation in your teams.")
    result: OnlineEvaluation = found
    return result


def days_of(online: OnlineEvaluation, *, days: int) -> dict[UUID, list[DayOfScores]]:
    """Evaluator -> its days, oldest first (one query)."""
    since = timezone.now() - dt.timedelta(days=days)
    rows = (
        TraceScore.objects.filter(online=online, happened_at__gte=since, score__isnull=False)
        .annotate(day=TruncDay("happened_at", tzinfo=dt.UTC))
        .order_by("evaluator_id", "day")
        .values("evaluator_id", "day")
        .annotate(scored=Count("id"), good=Count("id", filter=Q(passed=True)), mean=Avg("score"))
    )
    found: dict[UUID, list[DayOfScores]] = {}
    for row in rows:
        rate = wilson_interval(row["good"], row["scored"])
        if rate is not None:
            day = DayOfScores(
                day=row["day"].date(), scored=row["scored"], passed=row["good"], mean=row["mean"], rate=rate
            )
            found.setdefault(row["evaluator_id"], []).append(day)
    return found


def newest_scores(online: OnlineEvaluation, *, missed_only: bool = False) -> list[TraceScore]:
    """What was judged last."""
    found = TraceScore.objects.filter(online=online)
    if missed_only:
        found = found.filter(Q(passed=False) | Q(score=None))
    return list(found.order_by("-happened_at", "evaluator_id")[:NEWEST])


def _why_not(row: TraceScore) -> str:
    reason = reason_of(row)
    return reason.words if reason is not None else ""


def scores_of_trace(trace_id: UUID, team_id: UUID) -> list[ShownScore]:
    """What evaluators said of a trace, for its page."""
    rows = TraceScore.objects.filter(trace_id=trace_id, team_id=team_id).order_by("id")[:NEWEST]
    return [
        ShownScore(
            name=row.spec.get("name", ""),
            passed=row.passed,
            value="" if row.score is None else f"{row.score * 100:.0f}",
            explanation=row.explanation or _why_not(row),
            url=reverse("admin:annotations_online", args=[row.online_id]),
            at=row.created_at,
        )
        for row in rows
    ]
