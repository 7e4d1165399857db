"""Forgets old firings and notices, so that the history of an alert stays one that people read."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from apps.traces.models.alert import AlertFiring, AlertNotice

NOTICE_DAYS = 90
FIRING_DAYS = 400


def forget_old_alert_history() -> int:
    """Delete notices of the quarter before, and firings that ended a year ago; how many rows went."""
    now = timezone.now()
    notices, _each = AlertNotice.objects.filter(created_at__lt=now - dt.timedelta(days=NOTICE_DAYS)).delete()
    firings, _each = AlertFiring.objects.filter(ended_at__lt=now - dt.timedelta(days=FIRING_DAYS)).delete()
    return notices + firings
