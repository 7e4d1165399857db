"""What people do with an alert: try it, keep it quiet for a while, give its webhook another secret."""

from __future__ import annotations

import datetime as dt
from typing import Protocol
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.traces.models import Alert
from apps.traces.services.alerts.changes import make_new_secret, mute_alert
from apps.traces.services.alerts.deliver import send_test as send_test_notices

MUTES = {"1": dt.timedelta(hours=1), "8": dt.timedelta(hours=8), "24": dt.timedelta(hours=24), "0": dt.timedelta(0)}


class AlertPages(Protocol):
    """The admin of alerts, as far as these acts know it."""

    def open_to_change(self, request: HttpRequest, alert_id: UUID) -> Alert: ...

    def back_to(self, request: HttpRequest, alert: Alert, text: str, level: int = ...) -> HttpResponse: ...

    def message_user(self, request: HttpRequest, message: str, level: int = ...) -> None: ...


def send_test(admin: AlertPages, request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Tell everybody of the alert that this is a test, and say whom it reached."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    alert = admin.open_to_change(request, alert_id)
    notices = send_test_notices(alert)
    if not notices:
        text = _("Nobody would be told: the alert has no e-mail address and no webhook.")
        return admin.back_to(request, alert, text, messages.WARNING)
    for notice in notices:
        if notice.sent_at is None:
            admin.message_user(request, f"{notice.target}: {notice.error}", messages.ERROR)
    sent = sum(notice.sent_at is not None for notice in notices)
    text = ngettext("%(n)s test arrived.", "%(n)s tests arrived.", sent) % {"n": sent}
    return admin.back_to(request, alert, text, messages.SUCCESS if sent else messages.WARNING)


def mute(admin: AlertPages, request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Tell nobody for some hours; checks and history go on."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    alert = admin.open_to_change(request, alert_id)
    hours = MUTES.get(request.POST.get("hours", ""), MUTES["1"])
    mute_alert(alert, for_=hours)
    text = _("Nobody is told until then. The alert is still checked.") if hours else _("People are told again.")
    return admin.back_to(request, alert, text)


def switch_secret(admin: AlertPages, request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Sign with a new secret from now on."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    alert = admin.open_to_change(request, alert_id)
    make_new_secret(alert)
    text = _("The webhook is signed with a new secret now. Give it to the receiver.")
    return admin.back_to(request, alert, text)
