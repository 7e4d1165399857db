"""Sends notices that are due, and tries those again that did not arrive."""

from __future__ import annotations

import datetime as dt
import logging
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.traces.models.alert import Alert, AlertNotice
from apps.traces.services.alerts import email, webhook
from apps.traces.services.alerts.errors import NotDelivered
from apps.traces.services.alerts.figures import read_figure
from apps.traces.services.alerts.notices import make_notices
from providers.crypto import UnreadableSecret

logger = logging.getLogger(__name__)
AT_ONCE = 100
#: Minutes until the next try; after the last one the notice is lost.
PAUSES = (1, 2, 5, 15, 60, 180)


def deliver_notices(*, limit: int = AT_ONCE) -> int:
    """Send what is due, oldest first; how many arrived."""
    due = AlertNotice.objects.filter(due_at__lte=timezone.now()).order_by("id").values_list("id", flat=True)
    return sum(_deliver(notice_id) for notice_id in list(due[:limit]))


def send_test(alert: Alert) -> list[AlertNotice]:
    """Tell everybody of the alert at once that this is a test; the notices say who got it and why not. Blocks."""
    now = timezone.now()
    notices = make_notices(alert, AlertNotice.Kind.TEST, value=read_figure(alert, at=now), at=now)
    for notice in notices:
        _deliver(notice.id, again=False)
    return list(AlertNotice.objects.filter(id__in=[notice.id for notice in notices]).order_by("id"))


@transaction.atomic(using="traces")
def _deliver(notice_id: UUID, *, again: bool = True) -> bool:
    """Send one notice unless somebody else does; its row is locked while it is on its way."""
    rows = AlertNotice.objects.select_for_update(skip_locked=True, of=("self",)).select_related("alert")
    notice = rows.filter(id=notice_id, due_at__isnull=False).first()
    if notice is None:
        return False
    notice.tries += 1
    try:
        _send(notice)
    except NotDelivered as exc:
        logger.info("notice %s did not arrive (try %s): %s", notice.id, notice.tries, exc.reason)
        notice.error = exc.reason[:300]
        notice.due_at = _next_try(notice) if again and exc.again else None
    except Exception as exc:  # border: one address that nobody foresaw must not keep the notices of all teams
        logger.exception("notice %s could not be sent (try %s)", notice.id, notice.tries)
        notice.error = type(exc).__name__
        notice.due_at = _next_try(notice) if again else None
    else:
        notice.error, notice.sent_at, notice.due_at = "", timezone.now(), None
    notice.save(update_fields=["tries", "error", "sent_at", "due_at"])
    return notice.sent_at is not None


def _send(notice: AlertNotice) -> None:
    if notice.channel == AlertNotice.Channel.EMAIL:
        email.send(notice.target, notice_id=str(notice.id), body=notice.body)
        return
    try:
        secret = notice.alert.read_secret()
    except UnreadableSecret as exc:
        raise NotDelivered("Its secret cannot be read. Make a new one.", again=False) from exc
    now = int(timezone.now().timestamp())
    webhook.post(notice.target, notice_id=str(notice.id), body=notice.body, secret=secret, timestamp=now)


def _next_try(notice: AlertNotice) -> dt.datetime | None:
    if notice.tries > len(PAUSES):
        return None
    return timezone.now() + dt.timedelta(minutes=PAUSES[notice.tries - 1])
