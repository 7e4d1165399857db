"""Reads the figure that an alert watches."""

from __future__ import annotations

import datetime as dt

from apps.traces.models.alert import Alert
from apps.traces.selectors.windows import WindowFigures, window_figures
from apps.workflows import hooks

Measure = Alert.Measure
_QUANTILES = {Measure.LATENCY_P50: 0.5, Measure.LATENCY_P95: 0.95, Measure.LATENCY_P99: 0.99}


def read_figure(alert: Alert, *, at: dt.datetime) -> float | None:
    """The figure in the alert's unit (percent, seconds, money, a number); None where too little is known to tell it."""
    length = dt.timedelta(minutes=alert.window_minutes)
    if alert.measure in (Measure.DISLIKES, Measure.DISLIKE_RATE):
        return _of_verdicts(alert, since=at - length, until=at)
    figures = window_figures(team_ids=[alert.team_id], app=alert.application_id, at=at, length=length)
    sums = {
        Measure.RUNS: figures.runs,
        Measure.ERRORS: figures.errors,
        Measure.TOKENS: figures.tokens,
        Measure.COST: float(figures.cost),
    }
    if alert.measure in sums:
        return sums[Measure(alert.measure)]
    # The part of an hour that slides out is not a whole number of runs.
    if round(figures.runs) < max(1, alert.least_runs):
        return None
    return _of_runs(alert, figures)


def _of_runs(alert: Alert, figures: WindowFigures) -> float | None:
    """Shares and percentiles, which mean little for a few runs."""
    if alert.measure == Measure.ERROR_RATE:
        return figures.errors / figures.runs * 100
    if alert.measure == Measure.FIRST_TEXT_P95:
        microseconds = figures.first_texts.get(0.95)
    else:
        microseconds = figures.durations.get(_QUANTILES[Measure(alert.measure)])
    return None if microseconds is None else microseconds / 1e6


def _of_verdicts(alert: Alert, *, since: dt.datetime, until: dt.datetime) -> float | None:
    scope = hooks.FeedbackScope(
        team_ids=(alert.team_id,), since=since, until=until, application_id=alert.application_id
    )
    counts = hooks.feedback_counts(scope)
    dislikes = sum(count.dislikes for count in counts)
    if alert.measure == Measure.DISLIKES:
        return dislikes
    given = dislikes + sum(count.likes for count in counts)
    return dislikes / given * 100 if given and given >= alert.least_runs else None
