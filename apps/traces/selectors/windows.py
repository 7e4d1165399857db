"""Figures of a window that slides up to now: what alerts watch.

Windows of an hour or more are read from the roll-ups. Of the hour that such a window begins in it takes the part that
lies inside, as if what happened in that hour were even; the rest is exact. Shorter windows read the traces that ended
in them. Where runs are sampled, each kept run that succeeded stands for as many as the sample says, a failed one for
itself; where none of those that succeed is kept, the roll-ups are read for short windows too.

Runs of experiments are no traffic, and not counted.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections

from apps.traces.models import Trace
from apps.traces.selectors.policies import policies_of
from apps.traces.selectors.rollups import Figures, Where, main_currency, totals
from support.ids import earliest

_HOUR = dt.timedelta(hours=1)
#: A run that ended in a window may have begun this much before it.
LONGEST_RUN = dt.timedelta(hours=6)
_SHARES = (0.5, 0.95, 0.99)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFigures:
    """What runs did in a window; times in microseconds, by the share of runs that were no slower (0.5, 0.95, 0.99)."""

    runs: float
    errors: float
    tokens: float
    #: In dollars, or in the currency with the largest sum where nothing was paid in dollars.
    cost: Decimal
    durations: dict[float, float]
    first_texts: dict[float, float]


def window_figures(
    *, team_ids: Collection[UUID], app: UUID | None, at: dt.datetime, length: dt.timedelta
) -> WindowFigures:
    """The figures of the time from `length` before `at` up to it."""
    weights = _weights(team_ids, app) if length < _HOUR else None
    if weights is not None:
        return _of_traces(team_ids, app, since=at - length, until=at, weights=weights)
    return _of_rollups(team_ids, app, since=at - length, until=at)


def _weights(team_ids: Collection[UUID], app: UUID | None) -> dict[str, float] | None:
    """For how many runs a kept one that succeeded stands, by team and app; None where there is no telling."""
    percents: dict[str, Decimal] = {}
    for team_id in team_ids:
        policies = policies_of(team_id)
        if app is not None:
            percents[f"{team_id}/{app}"] = policies.of(app).sample_percent
            continue
        percents[f"{team_id}/"] = policies.general.sample_percent
        percents |= {f"{team_id}/{each}": policy.sample_percent for each, policy in policies.by_app.items()}
    if not all(percents.values()):
        return None
    return {place: float(100 / percent) for place, percent in percents.items()}


def _of_rollups(
    team_ids: Collection[UUID], app: UUID | None, *, since: dt.datetime, until: dt.datetime
) -> WindowFigures:
    first = since.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    where = Where(team_ids=team_ids, since=first, until=until, app=str(app) if app else "", without=Trace.NO_TRAFFIC)
    edge = totals(replace(where, until=first + _HOUR))
    rest = totals(replace(where, since=first + _HOUR))
    counted_to = min(first + _HOUR, until)
    weight = (counted_to - since) / (counted_to - first)
    for name in ("durations", "first_texts"):
        part = getattr(edge, name)
        part.counts = [round(count * weight) for count in part.counts]
        getattr(rest, name).merge(part.counts)
    return WindowFigures(
        runs=rest.count + edge.count * weight,
        errors=rest.errors + edge.errors * weight,
        tokens=_tokens(rest) + _tokens(edge) * weight,
        cost=_cost(rest, edge, weight=Decimal(weight)),
        durations=_quantiles(rest.durations.quantile),
        first_texts=_quantiles(rest.first_texts.quantile),
    )


def _quantiles(read: Callable[[float], float | None]) -> dict[float, float]:
    found = {share: read(share) for share in _SHARES}
    return {share: value for share, value in found.items() if value is not None}


def _tokens(figures: Figures) -> int:
    return figures.input_tokens + figures.output_tokens


def _cost(rest: Figures, edge: Figures, *, weight: Decimal) -> Decimal:
    """What it cost in the main currency."""
    names = {*rest.costs, *edge.costs}
    costs = {name: rest.costs.get(name, _NOTHING) + edge.costs.get(name, _NOTHING) * weight for name in names}
    return costs.get(main_currency(costs), _NOTHING)


_ENDED = """
    WITH ended AS MATERIALIZED (
        SELECT id, status, total_tokens, cost, currency, duration_us, first_text_us,
            CASE WHEN status <> 'succeeded' OR error_count > 0 THEN 1 ELSE coalesce(
                (%(weights)s::jsonb ->> concat(team_id, '/', application_id))::float8,
                (%(weights)s::jsonb ->> concat(team_id, '/'))::float8, 1
            ) END AS weight
        FROM traces_trace
        WHERE team_id = ANY(%(teams)s) AND source <> ALL(%(without)s)
            AND (%(app)s::uuid IS NULL OR application_id = %(app)s)
            AND id >= %(first_id)s AND started_at >= %(first)s AND started_at < %(until)s
            AND started_at + duration_us * interval '1 microsecond' >= %(since)s
    ), costs AS (
        SELECT currency, sum(cost * weight::numeric)::text AS cost FROM ended WHERE cost IS NOT NULL GROUP BY currency
    ), lasted AS (
        SELECT duration_us, sum(weight) OVER (ORDER BY duration_us, id) / sum(weight) OVER () AS share FROM ended
    ), spoke AS (
        SELECT first_text_us, sum(weight) OVER (ORDER BY first_text_us, id) / sum(weight) OVER () AS share
        FROM ended WHERE first_text_us IS NOT NULL
    ), wanted AS (
        SELECT share - 1e-9 AS share, place FROM unnest(%(shares)s::float8[]) WITH ORDINALITY AS asked(share, place)
    )
    SELECT coalesce(sum(weight), 0), count(*) FILTER (WHERE status = 'failed'), coalesce(sum(total_tokens * weight), 0),
        (SELECT jsonb_object_agg(currency, cost)::text FROM costs),
        (SELECT array_agg((SELECT min(duration_us) FROM lasted WHERE lasted.share >= wanted.share) ORDER BY place)
            FROM wanted),
        (SELECT array_agg((SELECT min(first_text_us) FROM spoke WHERE spoke.share >= wanted.share) ORDER BY place)
            FROM wanted)
    FROM ended
"""


def _of_traces(
    team_ids: Collection[UUID],
    app: UUID | None,
    *,
    since: dt.datetime,
    until: dt.datetime,
    weights: Mapping[str, float],
) -> WindowFigures:
    first = since - LONGEST_RUN
    values: dict[str, Any] = {
        "shares": list(_SHARES),
        "weights": json.dumps(weights),
        "teams": list(team_ids),
        "without": list(Trace.NO_TRAFFIC),
        "app": app,
        "first": first,
        "first_id": earliest(first - _HOUR),
        "since": since,
        "until": until,
    }
    with connections["traces"].cursor() as cursor:
        cursor.execute(_ENDED, values)
        runs, errors, tokens, told, durations, first_texts = cursor.fetchone() or (0, 0, 0, None, None, None)
    costs = {currency: Decimal(cost) for currency, cost in json.loads(told or "{}").items()}
    return WindowFigures(
        runs=runs,
        errors=errors,
        tokens=float(tokens),
        cost=costs.get(main_currency(costs), _NOTHING),
        durations=_by_share(durations),
        first_texts=_by_share(first_texts),
    )


def _by_share(values: list[int | None] | None) -> dict[float, float]:
    return {share: value for share, value in zip(_SHARES, values or (), strict=False) if value is not None}
