"""Gathers the numbers of the dashboard from the roll-ups, in a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from apps.traces.admin.dashboard.scope import DAY, HOUR, Asked
from apps.traces.selectors import rollups
from apps.traces.selectors.rollups import Dimension, Figures, Portion
from apps.traces.selectors.traces import as_uuid
from apps.workflows import hooks

MOST_ROWS = 10


@dataclass(slots=True)
class Verdicts:
    """What people thought of answers."""

    likes: int = 0
    dislikes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A step of time with what happened in it."""

    at: dt.datetime
    until: dt.datetime
    figures: Figures = field(default_factory=Figures)
    verdicts: Verdicts = field(default_factory=Verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A range of time: all of it together, and step by step."""

    total: Figures
    verdicts: Verdicts
    buckets: Sequence[Bucket]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What the dashboard shows at once of the roll-ups. Portions that the filters rule out are None.

    All apps are in it, since one that seldom runs may be the one that fails.
    """

    now: Period
    before: Period
    apps: Sequence[Portion] | None = None
    models: Sequence[Portion] | None = None

    @property
    def has_runs(self) -> bool:
        """Whether there is anything to draw."""
        return self.now.total.count > 0

    @property
    def has_past(self) -> bool:
        """Whether there is a period before to compare with."""
        return self.before.total.count > 0


def board_of(asked: Asked, team_ids: tuple[UUID, ...] | None) -> Board:
    """The numbers of the range and of the one before; which model a user called is not known to the roll-ups."""
    (now, portions), (before, _) = _period(asked, team_ids), _period(asked.before(), team_ids)
    where = asked.where(team_ids)
    return Board(
        now=now,
        before=before,
        apps=None if where.model or where.user else portions,
        models=None if where.user else rollups.breakdown(where, by="model", limit=MOST_ROWS),
    )


def busiest_users(asked: Asked, team_ids: tuple[UUID, ...] | None) -> Sequence[Portion]:
    """The users with most runs. Users are many: their rows are read when somebody looks at them."""
    return rollups.breakdown(asked.where(team_ids), by="user", limit=MOST_ROWS)


def nothing() -> Board:
    """A board without numbers."""
    period = Period(total=Figures(), verdicts=Verdicts(), buckets=[])
    return Board(now=period, before=period)


def merged(many: Sequence[Figures]) -> Figures:
    """Figures added up."""
    total = Figures()
    for figures in many:
        for name in ("count", "errors", "stopped", "spans", "duration_us", "unpriced_calls", *_TOKENS):
            setattr(total, name, getattr(total, name) + getattr(figures, name))
        for currency, cost in figures.costs.items():
            total.costs[currency] = total.costs.get(currency, Decimal(0)) + cost
        total.durations.merge(figures.durations.counts)
        total.first_texts.merge(figures.first_texts.counts)
    return total


_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


def _period(asked: Asked, team_ids: tuple[UUID, ...] | None) -> tuple[Period, Sequence[Portion]]:
    """The period, and the apps (models or users, where the filters name one) that it consists of."""
    step = asked.step
    of: Dimension = "model" if asked.filters.get("model") else "user" if asked.filters.get("user") else "app"
    points, portions = rollups.course(asked.where(team_ids), step="day" if step == DAY else "hour", of=of)
    judged = _verdicts(asked, team_ids, step=step)
    buckets = [
        Bucket(at=at, until=at + step, figures=figures, verdicts=judged.get(at, Verdicts())) for at, figures in points
    ]
    period = Period(
        total=merged([figures for _at, figures in points]),
        verdicts=Verdicts(
            likes=sum(each.likes for each in judged.values()), dislikes=sum(each.dislikes for each in judged.values())
        ),
        buckets=buckets,
    )
    return period, portions


def _verdicts(asked: Asked, team_ids: tuple[UUID, ...] | None, *, step: dt.timedelta) -> dict[dt.datetime, Verdicts]:
    """By step of time. Verdicts know their app, not the models and not always the user."""
    app = asked.filters.get("app", "")
    if asked.filters.get("model") or asked.filters.get("user") or (app and as_uuid(app) is None):
        return {}
    scope = hooks.FeedbackScope(team_ids=team_ids, since=asked.since, until=asked.until, application_id=as_uuid(app))
    found: dict[dt.datetime, Verdicts] = {}
    for count in hooks.feedback_counts(scope, step="hour" if step == HOUR else "day"):
        verdicts = found.setdefault(count.at.astimezone(dt.UTC), Verdicts())
        verdicts.likes += count.likes
        verdicts.dislikes += count.dislikes
    return found
