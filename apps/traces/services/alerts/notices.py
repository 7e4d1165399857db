"""Makes the notices of an alert: one for each address, with everything its reader needs to go on."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from apps.traces.models.alert import Alert, AlertNotice
from apps.traces.services.alerts.runs import runs_counted, scope_of
from apps.traces.services.alerts.words import figure, headline, span


def make_notices(alert: Alert, kind: str, *, value: float | None, at: dt.datetime) -> list[AlertNotice]:
    """Write down whom to tell; `deliver` sends them. Nobody is told while the alert is muted, except by a test."""
    if kind != AlertNotice.Kind.TEST and alert.muted_until is not None and alert.muted_until > at:
        return []
    targets = [(AlertNotice.Channel.EMAIL, address) for address in alert.emails]
    if alert.webhook_url:
        targets.append((AlertNotice.Channel.WEBHOOK, alert.webhook_url))
    body = body_of(alert, kind, value=value, at=at)
    return AlertNotice.objects.bulk_create(
        [
            AlertNotice(
                alert=alert, team_id=alert.team_id, kind=kind, channel=channel, target=target, body=body, due_at=at
            )
            for channel, target in targets
        ]
    )


def body_of(alert: Alert, kind: str, *, value: float | None, at: dt.datetime) -> dict[str, Any]:
    """What a notice says, for programs and people. `text` alone is what chat services show."""
    return {
        "type": f"alert.{kind}",
        "text": headline(alert, kind, value),
        "alert": {
            "id": str(alert.id),
            "name": alert.name,
            "figure": alert.measure,
            "direction": alert.direction,
            "threshold": float(alert.threshold),
            "window_minutes": alert.window_minutes,
            "app": {"id": str(alert.application_id), "name": alert.application_name} if alert.application_id else None,
            "state": alert.state,
            "since": alert.since.isoformat() if alert.since else None,
        },
        "value": value,
        "value_in_words": figure(alert.measure, value),
        "window_in_words": span(alert.window_minutes),
        "at": at.isoformat(),
        "links": links_of(alert, at=at),
    }


def links_of(alert: Alert, *, at: dt.datetime) -> dict[str, str]:
    """Where to look: the alert, the dashboard of its app, and the runs that counted then, whenever somebody looks."""
    window = "1h" if alert.window_minutes <= 60 else "24h" if alert.window_minutes <= 1440 else "7d"
    dashboard = urlencode({"since": window, **scope_of(alert)})
    return {
        "alert": settings.PUBLIC_URL + reverse("admin:traces_alert_change", args=[alert.id]),
        "dashboard": f"{settings.PUBLIC_URL}{reverse('traces:dashboard')}?{dashboard}",
        "runs": settings.PUBLIC_URL + runs_counted(alert, since=at, until=at),
    }
