"""Deletes traces when their time is up: whole months where nobody wants anything of them, else in batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.traces.models import KeptTrace, PassedOver, Rollup, Trace, TracePolicy
from apps.traces.recorder.store import delete
from apps.traces.selectors.policies import Policies, policies_of
from apps.traces.services.partitions import drop_month, following, partitions
from support.ids import earliest

BATCH = 500
#: So many traces go in one turn of the task: the next one goes on.
MOST = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What a turn deleted."""

    months: int = 0
    traces: int = 0


def expire(*, now: dt.datetime | None = None, most: int = MOST) -> Expired:
    """Delete what is older than its policy says. What somebody reviewed stays. Harmless to repeat."""
    moment = now or timezone.now()
    months = [month for month in _months() if _nobody_wants(month, moment)]
    for month in months:
        drop_month(month)
        PassedOver.objects.filter(trace_id__gte=earliest(month), trace_id__lt=earliest(following(month))).delete()
    deleted = 0
    for due in _due(moment):
        while deleted < most and (ids := list(due[: min(BATCH, most - deleted)])):
            deleted += delete(ids)
    return Expired(months=len(months), traces=deleted)


def _months() -> list[dt.datetime]:
    return sorted({partition.month for partition in partitions()})


def _nobody_wants(month: dt.datetime, now: dt.datetime) -> bool:
    """Whether every app that has traces of the month lets them go, and none of them was reviewed."""
    end = following(month)
    if end > now or KeptTrace.objects.filter(trace_id__gte=earliest(month), trace_id__lt=earliest(end)).exists():
        return False
    apps = Rollup.objects.filter(dimension="app", grain="day", at__gte=month, at__lt=end)
    wishes = {_days(team, app) for team, app in apps.values_list("team_id", "app").distinct()}
    # Traces that no roll-up tells of may be anybody's: then the month goes by batches, as its rows are due.
    return bool(wishes) and all(days is not None and end <= now - dt.timedelta(days=days) for days in wishes)


def _days(team_id: UUID, app: str) -> int | None:
    return policies_of(team_id).of(_as_id(app)).retention_days


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _due(now: dt.datetime) -> Iterator[QuerySet[Trace, UUID]]:
    """The ids of traces whose time is up, for each team and for each app with a time of its own."""
    stated = list(TracePolicy.objects.filter(retention_days__isnull=False).values_list("team_id", flat=True).distinct())
    for team_id in stated:
        yield from _due_of_team(team_id, policies_of(team_id), now)
    if settings.TRACES_RETENTION_DAYS:
        others = Trace.objects.exclude(team_id__in=stated)
        yield _older(others, settings.TRACES_RETENTION_DAYS, now)


def _due_of_team(team_id: UUID, policies: Policies, now: dt.datetime) -> Iterator[QuerySet[Trace, UUID]]:
    of_team = Trace.objects.filter(team_id=team_id)
    for application_id, policy in policies.by_app.items():
        if policy.retention_days:
            yield _older(of_team.filter(application_id=application_id), policy.retention_days, now)
    if policies.general.retention_days:
        rest = of_team.filter(Q(application_id__isnull=True) | ~Q(application_id__in=list(policies.by_app)))
        yield _older(rest, policies.general.retention_days, now)


def _older(traces: QuerySet[Trace], days: int, now: dt.datetime) -> QuerySet[Trace, UUID]:
    kept = KeptTrace.objects.values("trace_id")
    old = traces.filter(id__lt=earliest(now - dt.timedelta(days=days))).exclude(id__in=kept)
    return old.order_by("id").values_list("id", flat=True)
