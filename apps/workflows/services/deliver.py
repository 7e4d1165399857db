"""Letters to people whom a run asks: each gets a link of their own to the question's form."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from apps.workflows.models import Wait

logger = logging.getLogger(__name__)

AT_ONCE = 100
#: The tries of one question's letters, a minute apart, before they count as lost.
MOST_TRIES = 30
_SALT = "workflows.form"
#: Which letters are on their way, beside the question.
_SENT = "sent"


class NoMailServer(Exception):
    """There is nobody to give letters to."""


def deliver_questions(*, limit: int = AT_ONCE) -> int:
    """Send what is due; how many questions were sent. One that fails is tried again later."""
    due = list(Wait.objects.filter(delivery=Wait.Delivery.DUE).order_by("id").values_list("id", flat=True)[:limit])
    return sum(_deliver(wait_id) for wait_id in due)


@transaction.atomic
def _deliver(wait_id: UUID) -> bool:
    """Send one question's letters, if nobody else does; the row is locked while they are on their way."""
    waits = Wait.objects.select_for_update(skip_locked=True, of=("self",)).select_related("run__application", "team")
    wait = waits.filter(id=wait_id, delivery=Wait.Delivery.DUE).first()
    if wait is None:
        return False
    if wait.answered_at is not None or wait.run.is_finished:
        Wait.objects.filter(id=wait.id).update(delivery=Wait.Delivery.NONE)
        return False
    failure = _send(wait)
    if failure is not None:
        tries = wait.delivery_attempts + 1
        state = Wait.Delivery.DUE if tries < MOST_TRIES else Wait.Delivery.FAILED
        reason = str(failure) if isinstance(failure, NoMailServer) else type(failure).__name__
        logger.warning("the letters of question %s could not be sent (try %s): %s", wait.id, tries, reason)
        Wait.objects.filter(id=wait.id).update(
            asks=wait.asks, delivery=state, delivery_attempts=tries, delivery_error=reason[:200]
        )
        return False
    Wait.objects.filter(id=wait.id).update(asks=wait.asks, delivery=Wait.Delivery.DONE, delivery_error="")
    return True


def _send(wait: Wait) -> Exception | None:
    """Send the letters that have not been sent; why some could not be. Nobody gets one twice for another's fault."""
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend") and not settings.EMAIL_HOST:
        return NoMailServer("EMAIL_HOST is not set.")
    failure: Exception | None = None
    sent = wait.asks.setdefault(_SENT, [])
    try:
        with get_connection() as connection:
            for number, letter in _letters(wait):
                if number in sent:
                    continue
                try:
                    connection.send_messages([letter])
                except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, ValueError) as exc:
                    failure = exc  # this address, or this letter; ValueError is what Django says to an odd address
                else:
                    sent.append(number)
    except (OSError, smtplib.SMTPException) as exc:  # nobody can be sent anything now
        return exc
    return failure


def _letters(wait: Wait) -> Iterator[tuple[str, EmailMessage]]:
    """Every letter of a question, with a name for it."""
    for at, each in enumerate(wait.asks.get("letters", ())):
        subject = each.get("subject") or _("%s asks for your answer") % wait.run.application.name
        for address in each.get("to", ()):
            yield f"{at}:{address}", EmailMessage(subject=subject, body=_body(wait, address), to=[address])


def _body(wait: Wait, address: str) -> str:
    lines = [str(wait.asks.get("form", "")).strip(), "", _("Answer here:"), form_link(wait, address)]
    if wait.until is not None:
        when = date_format(localtime(wait.until), "DATETIME_FORMAT")
        lines += ["", _("Open until %s") % when]
    named = {"app": wait.run.application.name, "team": wait.team.name}
    lines += ["", _("%(app)s, %(team)s. The link is for you: whoever has it can answer in your name.") % named]
    return "\n".join(lines)


def form_link(wait: Wait, address: str) -> str:
    """The address of the question's page for one person; the page knows by it who answers."""
    path = reverse("form", args=[wait.token])
    return f"{settings.PUBLIC_URL}{path}?for={signing.dumps(address, salt=_SALT, compress=False)}"


def addressee(signed: str) -> str:
    """Whom a link was made for; empty for nobody, and for what somebody made up."""
    try:
        address = signing.loads(signed, salt=_SALT) if signed else ""
    except signing.BadSignature:
        return ""
    return address if isinstance(address, str) else ""
