"""Alerts in words: a figure with its unit, a bound, and what a notice says."""

from __future__ import annotations

from decimal import Decimal

from django.utils import formats
from django.utils.translation import gettext as _

from apps.traces.models.alert import Alert, AlertNotice
from support import money

PERCENT = frozenset({Alert.Measure.ERROR_RATE, Alert.Measure.DISLIKE_RATE})
SECONDS = frozenset(
    {Alert.Measure.LATENCY_P50, Alert.Measure.LATENCY_P95, Alert.Measure.LATENCY_P99, Alert.Measure.FIRST_TEXT_P95}
)


def names() -> dict[str, str]:
    """The figures as they stand in a sentence."""
    return {
        Alert.Measure.ERROR_RATE: _("share of failed runs"),
        Alert.Measure.ERRORS: _("failed runs"),
        Alert.Measure.RUNS: _("runs"),
        Alert.Measure.LATENCY_P50: _("median duration"),
        Alert.Measure.LATENCY_P95: _("95th percentile of the duration"),
        Alert.Measure.LATENCY_P99: _("99th percentile of the duration"),
        Alert.Measure.FIRST_TEXT_P95: _("95th percentile of the time to first text"),
        Alert.Measure.COST: _("cost"),
        Alert.Measure.TOKENS: _("tokens"),
        Alert.Measure.DISLIKES: _("answers marked as not helpful"),
        Alert.Measure.DISLIKE_RATE: _("share of verdicts that say not helpful"),
    }


def figure(measure: str, value: float | Decimal | None) -> str:
    """A figure with its unit: 7.5 %, 12.4 s, $3.20, 1,204."""
    if value is None:
        return _("no data")
    if measure in PERCENT:
        return _("%(n)s %%") % {"n": _short(value, 1)}
    if measure in SECONDS:
        return _("%(n)s s") % {"n": _short(value, 2)}
    if measure == Alert.Measure.COST:
        return money.in_words(value)
    return f"{round(value):,}"


def span(minutes: int) -> str:
    """A window as it stands in a sentence: 15 minutes, 1 hour, 7 days."""
    return str(dict(Alert.Window.choices).get(minutes) or _("%(n)s minutes") % {"n": minutes})


def bound(alert: Alert) -> str:
    """What the alert watches for, in one line."""
    facts = {
        "figure": names()[alert.measure],
        "threshold": figure(alert.measure, alert.threshold),
        "window": span(alert.window_minutes),
    }
    if alert.direction == Alert.Direction.ABOVE:
        return _("%(figure)s above %(threshold)s over %(window)s") % facts
    return _("%(figure)s below %(threshold)s over %(window)s") % facts


def headline(alert: Alert, kind: str, value: float | None) -> str:
    """The first line of a notice, and the subject of a letter."""
    app = alert.application_name or _("all apps")
    facts = {"alert": alert.name, "app": app, "value": figure(alert.measure, value), "bound": bound(alert)}
    lines = {
        AlertNotice.Kind.FIRED: _("Firing: %(alert)s (%(app)s). It is %(value)s; watched for %(bound)s."),
        AlertNotice.Kind.REMINDER: _("Still firing: %(alert)s (%(app)s). It is %(value)s; watched for %(bound)s."),
        AlertNotice.Kind.NO_DATA: _("No data: %(alert)s (%(app)s). Too few runs arrive to tell the %(bound)s."),
        AlertNotice.Kind.RECOVERED: _("Recovered: %(alert)s (%(app)s). It is %(value)s; watched for %(bound)s."),
        AlertNotice.Kind.TEST: _("Test: %(alert)s (%(app)s). Nothing is wrong; it is %(value)s now."),
    }
    return lines[AlertNotice.Kind(kind)] % facts


def _short(value: float | Decimal, places: int) -> str:
    """No more decimals than it has."""
    text = f"{round(float(value), places):.{places}f}"
    whole, _point, rest = text.partition(".")
    rest = rest.rstrip("0")
    return formats.number_format(f"{whole}.{rest}" if rest else whole, len(rest))
