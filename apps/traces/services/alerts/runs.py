"""The way from an alert to the runs that it is about."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from django.urls import reverse

from apps.traces.models.alert import Alert
from apps.traces.selectors.conditions import TRAFFIC
from apps.traces.selectors.time_range import FROM, TO

Measure = Alert.Measure
#: What of the list shows a measure first.
_SHOWN_BY = {
    Measure.ERROR_RATE: {"status": "failed"},
    Measure.ERRORS: {"status": "failed"},
    Measure.LATENCY_P50: {"sort": "slowest"},
    Measure.LATENCY_P95: {"sort": "slowest"},
    Measure.LATENCY_P99: {"sort": "slowest"},
    Measure.FIRST_TEXT_P95: {"sort": "first_text"},
    Measure.COST: {"sort": "costliest"},
    Measure.TOKENS: {"sort": "tokens"},
}


def runs_counted(alert: Alert, *, since: dt.datetime, until: dt.datetime | None) -> str:
    """The address of the list of the runs that counted from when to when: with the window before the first moment."""
    wanted = {
        **scope_of(alert),
        "source": TRAFFIC,
        FROM: _spelled(since - dt.timedelta(minutes=alert.window_minutes)),
        **({TO: _spelled(until + dt.timedelta(minutes=1))} if until else {}),
        **_SHOWN_BY.get(Measure(alert.measure), {}),
    }
    return f"{reverse('admin:traces_trace_changelist')}?{urlencode(wanted)}"


def scope_of(alert: Alert) -> dict[str, str]:
    """The app that it watches, as addresses have it."""
    return {"app": str(alert.application_id)} if alert.application_id else {}


def _spelled(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%MZ")
