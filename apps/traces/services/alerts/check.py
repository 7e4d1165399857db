"""Checks alerts that are due: reads the figure, decides, writes down what happened and whom to tell."""

from __future__ import annotations

import datetime as dt
import logging
from uuid import UUID

from django.db import Error, transaction
from django.db.models import Q
from django.utils import timezone

from apps.traces.models.alert import Alert, AlertFiring
from apps.traces.services.alerts.figures import read_figure
from apps.traces.services.alerts.notices import make_notices
from apps.traces.services.alerts.verdict import TROUBLED, Rule, Standing, Verdict, judge, worse

logger = logging.getLogger(__name__)
AT_ONCE = 200


def check_due_alerts(*, at: dt.datetime | None = None, limit: int = AT_ONCE) -> int:
    """Check what is due, longest waiting first; how many were checked. One that fails does not keep the others."""
    now = at or timezone.now()
    due = Alert.objects.filter(Q(due_at__lte=now) | Q(due_at=None), is_enabled=True).order_by("due_at")
    return sum(check_alert(alert_id, at=now) for alert_id in list(due.values_list("id", flat=True)[:limit]))


def check_alert(alert_id: UUID, *, at: dt.datetime) -> bool:
    """Check one alert unless somebody else does or did."""
    with transaction.atomic(using="traces"):
        alert = Alert.objects.select_for_update(skip_locked=True).filter(id=alert_id, is_enabled=True).first()
        if alert is None or (alert.due_at is not None and alert.due_at > at):
            return False
        alert.due_at = at + dt.timedelta(minutes=alert.every_minutes)
        alert.checked_at = at
        try:
            with transaction.atomic(using="traces"):
                value = read_figure(alert, at=at)
        except Error as exc:  # a time limit, a database that is gone: the next check may do better
            logger.warning("alert %s could not be checked: %s", alert.id, type(exc).__name__)
            alert.failure = type(exc).__name__
            alert.save(update_fields=["due_at", "checked_at", "failure"])
            return False
        _apply(alert, value, at=at)
    return True


def rule_of(alert: Alert) -> Rule:
    """What the alert asks for, as the decision takes it."""
    return Rule(
        direction=alert.direction,
        threshold=float(alert.threshold),
        no_data=alert.no_data,
        remind_after=dt.timedelta(minutes=alert.remind_minutes) if alert.remind_minutes else None,
        tells_recovery=alert.tells_recovery,
    )


def _apply(alert: Alert, value: float | None, *, at: dt.datetime) -> None:
    rule = rule_of(alert)
    verdict = judge(rule, Standing(state=alert.state, notified_at=alert.notified_at), value, at=at)
    _keep_history(alert, rule, verdict, value, at=at)
    if verdict.state != alert.state:
        alert.state, alert.since = verdict.state, at
    alert.value, alert.failure = value, ""
    if verdict.tell is not None:
        make_notices(alert, verdict.tell, value=value, at=at)
        alert.notified_at = at
    alert.save(update_fields=["state", "since", "value", "failure", "due_at", "checked_at", "notified_at"])


def _keep_history(alert: Alert, rule: Rule, verdict: Verdict, value: float | None, *, at: dt.datetime) -> None:
    """One row for each time of trouble; firing and no data are two."""
    standing = AlertFiring.objects.filter(alert=alert, ended_at=None).first()
    if standing is not None and standing.state == verdict.state:
        standing.worst = worse(rule, standing.worst, value)
        standing.save(update_fields=["worst"])
        return
    if standing is not None:
        standing.ended_at = at
        standing.save(update_fields=["ended_at"])
    if verdict.state in TROUBLED:
        AlertFiring.objects.create(
            alert=alert,
            team_id=alert.team_id,
            state=verdict.state,
            direction=alert.direction,
            threshold=alert.threshold,
            value=value,
            worst=value,
            began_at=at,
        )
