"""Changes that people make to an alert."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from apps.traces.models.alert import Alert, AlertFiring

#: What checks write, and forms do not.
_STANDING = ("state", "since", "value", "checked_at", "notified_at", "failure", "muted_until")
#: A change of any of these asks another question: what was answered before says nothing about it.
_QUESTION = ("measure", "direction", "threshold", "application_id", "window_minutes", "least_runs")


@transaction.atomic(using="traces")
def save_alert(alert: Alert) -> Alert:
    """Save what somebody entered and check it with the next round.

    An alert that watches something else from now on begins anew: its open firing ends. A webhook gets a secret.
    """
    if alert.webhook_url and not alert.encrypted_secret:
        alert.make_secret()
    now = timezone.now()
    stored = Alert.objects.filter(id=alert.id).select_for_update().first()
    if stored is not None:
        for name in _STANDING:  # a check may have been made while the form was open
            setattr(alert, name, getattr(stored, name))
    if stored is not None and any(getattr(stored, name) != getattr(alert, name) for name in _QUESTION):
        AlertFiring.objects.filter(alert=alert, ended_at=None).update(ended_at=now)
        alert.state, alert.since, alert.value, alert.notified_at = Alert.State.UNKNOWN, None, None, None
    alert.due_at = now
    alert.save()
    return alert


def mute_alert(alert: Alert, *, for_: dt.timedelta) -> None:
    """Tell nobody for so long; no time at all ends it."""
    alert.muted_until = timezone.now() + for_ if for_ else None
    alert.save(update_fields=["muted_until"])


def make_new_secret(alert: Alert) -> None:
    """Sign the alert's webhook with another secret from now on."""
    alert.make_secret()
    alert.save(update_fields=["encrypted_secret", "secret_set_at"])
