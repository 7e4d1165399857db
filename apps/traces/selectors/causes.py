"""What needs a look in a range of time: the slowest runs, the errors, the answers that people did not find helpful."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Count, Func, IntegerField, Max, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from apps.traces.models import Rollup, Span, Trace
from apps.traces.selectors.rollups import Where
from apps.traces.selectors.traces import as_uuid
from support.ids import earliest

#: Failures that are looked at to name the errors, newest first: counting all of a bad month would take seconds.
MOST_FAILURES = 5_000
#: Traces with more spans than this are not searched for their longest step.
MOST_SPANS = 2_000
_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
_SLACK = _DAY
_SHOWN = (
    *("id", "team_id", "application_id", "application_name", "name", "input_preview", "status", "started_at"),
    *("duration_us", "span_count", "message_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowRun:
    """A run that took long, and the step that took the most of it."""

    trace: Trace
    span_id: UUID | None = None
    span_name: str = ""
    span_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error by its code: how often, when last, and what it said then."""

    code: str
    count: int
    latest: dt.datetime
    message: str


def slowest_runs(where: Where, *, limit: int = 5) -> list[SlowRun]:
    """The runs that took longest.

    The roll-ups say in which hours the longest ones were; only those hours are read. Runs within one step of the
    histograms (5 %) of each other may change places.
    """
    hours = slowest_hours(where, limit=limit)
    if not hours:
        return []
    parts = [
        traces_in(where, since=hour.at, until=hour.at + _HOUR, app=hour.app)
        .order_by("-duration_us")
        .values_list("id", flat=True)[:limit]
        for hour in hours
    ]
    ids = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    found = Trace.objects.filter(id__in=list(ids)).only(*_SHOWN).order_by("-duration_us")[:limit]
    return _with_longest_steps(list(found))


def failures(where: Where, *, limit: int = 5) -> list[Failure]:
    """The errors that ended runs, by code, most frequent first; out of the newest few thousand failures."""
    failed = (
        traces_in(where, since=where.since, until=where.until)
        .filter(status=Trace.Status.FAILED)
        .order_by("-started_at", "-id")[:MOST_FAILURES]
    )
    newest = Trace.objects.filter(id__in=failed.values("id"))
    rows = list(
        newest.values("error_code")
        .annotate(count=Count("id"), latest=Max("started_at"))
        .order_by("-count", "error_code")[:limit]
    )
    said = _messages(newest, [row["error_code"] for row in rows])
    return [
        Failure(
            code=row["error_code"],
            count=row["count"],
            latest=row["latest"],
            message=said.get(row["error_code"], ""),
        )
        for row in rows
    ]


def traces_of_messages(message_ids: Collection[UUID], *, team_ids: Sequence[UUID] | None) -> dict[UUID, Trace]:
    """message id -> its trace, where it is kept."""
    rows = Trace.objects.filter(message_id__in=list(message_ids)).only(*_SHOWN)
    if team_ids is not None:
        rows = rows.filter(team_id__in=list(team_ids))
    return {trace.message_id: trace for trace in rows if trace.message_id is not None}


def traces_in(where: Where, *, since: dt.datetime, until: dt.datetime, app: str = "") -> QuerySet[Trace]:
    """The traces of a scope in a part of its time; ids keep it to the partitions of those months."""
    rows = Trace.objects.filter(
        started_at__gte=since,
        started_at__lt=until,
        id__gte=earliest(since - _SLACK),
        id__lt=earliest(until + _SLACK),
    )
    if where.team_ids is not None:
        rows = rows.filter(team_id__in=where.team_ids)
    rows = _of_sources(rows, where)
    if wanted := where.app or app:
        app_id = as_uuid(wanted)
        rows = (
            rows.filter(application_id=app_id)
            if app_id is not None
            else rows.filter(application_id=None, application_name=wanted)
        )
    if where.model:
        rows = rows.filter(models_used__contains=[where.model])
    return rows.filter(end_user=where.user) if where.user else rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowHour:
    """An hour of an app that had one of the slowest runs."""

    at: dt.datetime
    app: str


def slowest_hours(where: Where, *, limit: int) -> list[SlowHour]:
    """The hours and apps with the slowest runs: a row's histogram is as long as its slowest bucket.

    Two queries for long ranges: days first, then the hours of those, so that a year is not read by the hour.
    """
    rows = _slowest_first(where)
    if where.until - where.since > _DAY * 3:
        first = where.since.replace(hour=0)
        days = rows.filter(grain=Rollup.Grain.DAY, at__gte=first, at__lt=where.until).values_list("at", "app")
        found = list(dict.fromkeys(days[: limit * 3]))[:limit]
        if not found:
            return []
        within = Q()
        for at, app in found:
            within |= Q(at__gte=at, at__lt=at + _DAY, app=app)
        rows = rows.filter(within)
    hours = rows.filter(grain=Rollup.Grain.HOUR, at__gte=where.since, at__lt=where.until).values_list("at", "app")
    return [SlowHour(at=at, app=app) for at, app in list(dict.fromkeys(hours[: limit * 3]))[:limit]]


def _slowest_first(where: Where) -> QuerySet[Rollup]:
    length = Func("durations", function="cardinality", output_field=IntegerField())
    dimension = "model" if where.model else "user" if where.user else "app"
    rows = Rollup.objects.filter(dimension=dimension).annotate(slowest=length).order_by("-slowest", "-at")
    if where.team_ids is not None:
        rows = rows.filter(team_id__in=list(where.team_ids))
    rows = _of_sources(rows, where)
    wanted = {"app": where.app, "name": where.model or where.user}
    return rows.filter(**{name: value for name, value in wanted.items() if value})


def _of_sources(rows: QuerySet[Any], where: Where) -> QuerySet[Any]:
    if where.without:
        rows = rows.exclude(source__in=list(where.without))
    return rows.filter(source=where.source) if where.source else rows


def _with_longest_steps(found: Sequence[Trace]) -> list[SlowRun]:
    """Each trace with its longest step that has no steps inside it. One query."""
    small = [trace.id for trace in found if trace.span_count <= MOST_SPANS]
    steps: dict[UUID, tuple[UUID, str, int]] = {}
    if small:
        with connections["traces"].cursor() as cursor:
            cursor.execute(_LONGEST_STEP, {"traces": small, "run": Span.Kind.RUN})
            steps = {row[0]: (row[1], row[2], row[3]) for row in cursor.fetchall()}
    return [
        SlowRun(trace=trace, span_id=steps[trace.id][0], span_name=steps[trace.id][1], span_us=steps[trace.id][2])
        if trace.id in steps
        else SlowRun(trace=trace)
        for trace in found
    ]


#: The few spans are read once, and joined to themselves out of memory: by the index, each would be looked for again.
_LONGEST_STEP = """
    WITH steps AS MATERIALIZED (
        SELECT trace_id, id, name, kind, key, parent_key, duration_us FROM traces_span WHERE trace_id = ANY(%(traces)s)
    ), outer_steps AS MATERIALIZED (SELECT DISTINCT trace_id, parent_key AS key FROM steps)
    SELECT DISTINCT ON (trace_id) trace_id, id, name, duration_us
    FROM steps LEFT JOIN outer_steps USING (trace_id, key)
    WHERE kind <> %(run)s AND duration_us IS NOT NULL AND outer_steps.key IS NULL
    ORDER BY trace_id, duration_us DESC
"""


def _messages(newest: QuerySet[Trace], codes: Sequence[str]) -> dict[str, str]:
    """What each error said the last time."""
    if not codes:
        return {}
    ranked = newest.filter(error_code__in=codes).annotate(
        place=Window(RowNumber(), partition_by="error_code", order_by="-started_at")
    )
    return dict(ranked.filter(place=1).values_list("error_code", "error_message"))
