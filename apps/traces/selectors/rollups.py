"""Reading the roll-ups: sums and percentiles over time, by app, model and user, and what filters may offer.

Whole days are read from the rows of days and the rest from those of hours, so that a year costs little more than a
day. Ranges are taken in whole hours. Everything is exact but the percentiles, which are within 5 %.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, cast
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet, Sum

from apps.traces.models import Rollup
from support.histogram import Histogram

Dimension = Literal["app", "model", "user"]
Step = Literal["hour", "day"]
MOST_CHOICES = 200
_SUMMED = (
    *("count", "errors", "stopped", "spans", "duration_us"),
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"),
    "unpriced_calls",
)
_DAY, _HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Of whom (no teams, None, means all) and when; empty means any. Users and models do not meet in one row."""

    team_ids: Collection[UUID] | None
    since: dt.datetime
    until: dt.datetime
    #: The id of an app of ours, or the name of a service.
    app: str = ""
    model: str = ""
    user: str = ""
    source: str = ""
    #: Sources that are left out.
    without: Collection[str] = ()
    environment: str = ""


@dataclass(slots=True, kw_only=True)
class Figures:
    """Sums of some roll-ups: `count` is of traces, or of calls where they are of models."""

    count: int = 0
    errors: int = 0
    stopped: int = 0
    spans: int = 0
    duration_us: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    unpriced_calls: int = 0
    #: By currency.
    costs: dict[str, Decimal] = field(default_factory=dict)
    durations: Histogram = field(default_factory=Histogram)
    first_texts: Histogram = field(default_factory=Histogram)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of roll-ups, or some of its columns."""
        # Thousands of rows a page: spelled out, since a loop over names takes five times as long.
        self.count += row["count"]
        self.errors += row["errors"]
        self.stopped += row["stopped"]
        self.spans += row["spans"]
        self.duration_us += row["duration_us"]
        self.input_tokens += row["input_tokens"]
        self.output_tokens += row["output_tokens"]
        self.cached_tokens += row["cached_tokens"]
        self.cache_write_tokens += row["cache_write_tokens"]
        self.reasoning_tokens += row["reasoning_tokens"]
        self.unpriced_calls += row["unpriced_calls"]
        if row["cost"]:
            self.costs[row["currency"]] = self.costs.get(row["currency"], Decimal(0)) + row["cost"]
        self.durations.merge(row.get("durations") or ())
        self.first_texts.merge(row.get("first_texts") or ())


MAIN_CURRENCY = "USD"


def main_currency(costs: Mapping[str, Decimal]) -> str:
    """The currency of what is drawn, compared or watched as one number: dollars, or the one with the largest sum.

    Costs of different currencies are never added; whoever shows one number says whose it is.
    """
    if MAIN_CURRENCY in costs or not costs:
        return MAIN_CURRENCY
    return max(sorted(costs), key=costs.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What one app, model or user has of the whole; `key` is what `Where` takes."""

    key: str
    name: str
    figures: Figures


def totals(where: Where, *, of: Dimension = "app") -> Figures:
    """All of it together: traces, or calls with `of="model"`."""
    figures = Figures()
    for row in _rows(where, of):
        figures.add(row)
    return figures


def runs_in(where: Where) -> int:
    """How many traces there were, and nothing else."""
    return _matching(where, "app").aggregate(n=Sum("count"))["n"] or 0


def series(where: Where, *, step: Step, of: Dimension = "app") -> list[tuple[dt.datetime, Figures]]:
    """The same by hour or by day (of UTC), oldest first; steps in which nothing happened are there with zeros."""
    return course(where, step=step, of=of)[0]


def course(
    where: Where, *, step: Step, of: Dimension = "app"
) -> tuple[list[tuple[dt.datetime, Figures]], list[Portion]]:
    """The series, and what each app, model or user had of it, most first: both out of one reading."""
    first, last = _floor(where.since, step), where.until
    length = _DAY if step == "day" else _HOUR
    points: dict[dt.datetime, Figures] = {}
    while first < last:
        points[first] = Figures()
        first += length
    shares: dict[str, Figures] = {}
    names: dict[str, str] = {}
    key, name = _columns(of)
    for row in _rows(where, of, hourly=step == "hour"):
        points[_floor(row["at"], step)].add(row)
        shares.setdefault(row[key], Figures()).add(row)
        names[row[key]] = row[name]
    return list(points.items()), _most_first(shares, names)


def breakdown(where: Where, *, by: Dimension, limit: int = 10) -> list[Portion]:
    """The apps, models or users with most traces (calls, for models), each with its figures but first texts."""
    key, name = _columns(by)
    counted = _matching(where, by).values(key).annotate(most=Sum("count")).order_by("-most", key)
    shares = {row[key]: Figures() for row in counted[:limit]}
    names: dict[str, str] = {}
    for row in _rows(where, by, only=Q(**{f"{key}__in": list(shares)}), arrays=("durations",)):
        shares[row[key]].add(row)
        names[row[key]] = row[name]
    return _most_first(shares, names)


def _columns(of: Dimension) -> tuple[str, str]:
    """What tells the rows of a dimension apart, and what they are called."""
    return ("app", "app_name") if of == "app" else ("name", "name")


def _most_first(shares: Mapping[str, Figures], names: Mapping[str, str]) -> list[Portion]:
    found = [Portion(key=key, name=names.get(key, key), figures=figures) for key, figures in shares.items()]
    return sorted(found, key=lambda portion: (-portion.figures.count, portion.key))


def choices(
    what: Literal["app", "model", "user", "source", "environment"],
    *,
    team_ids: Collection[UUID] | None,
    since: dt.datetime,
    until: dt.datetime,
    limit: int = MOST_CHOICES,
) -> list[tuple[str, str]]:
    """(value, words) of what there was in the range, by words: what a filter offers. Of many, the most frequent."""
    where = Where(team_ids=team_ids, since=_floor(since, "day"), until=until)
    dimension: Dimension = what if what in ("model", "user") else "app"
    column = {"app": "app", "model": "name", "user": "name"}.get(what, what)
    rows = (
        _matching(where, dimension)
        .exclude(**{column: ""})
        .values(column)
        .annotate(most=Sum("count"), words=Max("app_name") if what == "app" else Max(F(column)))
        .order_by("-most")
    )
    return sorted(((row[column], row["words"]) for row in rows[:limit]), key=lambda pair: pair[1].casefold())


def _rows(
    where: Where,
    of: Dimension,
    *,
    hourly: bool = False,
    only: Q | None = None,
    arrays: Sequence[str] = ("durations", "first_texts"),
) -> Iterable[Mapping[str, Any]]:
    found = _matching(where, of, hourly=hourly)
    names = ("at", "app", "name", "app_name", "currency", "cost", *_SUMMED, *arrays)
    rows = (found.filter(only) if only is not None else found).order_by("at").values(*names)
    return cast("Iterable[Mapping[str, Any]]", rows.iterator(chunk_size=5_000))


def _matching(where: Where, of: Dimension, *, hourly: bool = False) -> QuerySet[Rollup]:
    rows = Rollup.objects.filter(_times(where.since, where.until, hourly=hourly), dimension=of)
    if where.team_ids is not None:
        rows = rows.filter(team_id__in=list(where.team_ids))
    if where.without:
        rows = rows.exclude(source__in=list(where.without))
    wanted = {"app": where.app, "source": where.source, "environment": where.environment}
    if of != "app":
        wanted["name"] = where.model if of == "model" else where.user
    return rows.filter(**{name: value for name, value in wanted.items() if value})


def _times(since: dt.datetime, until: dt.datetime, *, hourly: bool) -> Q:
    """Rows of days for the whole days in between, of hours for what is left at both ends."""
    since, until = _floor(since, "hour"), until.astimezone(dt.UTC)
    first = _floor(since, "day")
    first = first if first == since else first + _DAY
    last = _floor(until, "day")
    if hourly or first >= last:
        return Q(grain="hour", at__gte=since, at__lt=until)
    return (
        Q(grain="hour", at__gte=since, at__lt=first)
        | Q(grain="day", at__gte=first, at__lt=last)
        | Q(grain="hour", at__gte=last, at__lt=until)
    )


def _floor(moment: dt.datetime, step: Step) -> dt.datetime:
    hour = moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    return hour if step == "hour" else hour.replace(hour=0)


__all__: Sequence[str] = (
    "Figures",
    "Portion",
    "Where",
    "breakdown",
    "choices",
    "course",
    "runs_in",
    "series",
    "totals",
)
