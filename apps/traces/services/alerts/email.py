"""Sends a notice as a letter."""

from __future__ import annotations

import smtplib
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from apps.traces.services.alerts.errors import NotDelivered

MOST_SUBJECT = 200


def send(address: str, *, notice_id: str, body: dict[str, Any]) -> None:
    """Deliver a body to one person. Raises NotDelivered."""
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend") and not settings.EMAIL_HOST:
        raise NotDelivered(_("No mail server is set (EMAIL_HOST)."))
    text = str(body.get("text", ""))
    # A name with a line break would end the header.
    subject = " ".join(f"[Skep] {text}".split())[:MOST_SUBJECT]
    headers = {"X-Skep-Notice": notice_id, "Auto-Submitted": "auto-generated"}
    letter = EmailMessage(subject=subject, body=_letter(body), to=[address], headers=headers)
    try:
        letter.send()
    except (smtplib.SMTPRecipientsRefused, ValueError) as exc:  # ValueError is what Django says to an odd address
        raise NotDelivered(_("The mail server refuses this address."), again=False) from exc
    except (OSError, smtplib.SMTPException) as exc:
        raise NotDelivered(_("The mail server cannot be used: %(why)s.") % {"why": type(exc).__name__}) from exc


def _letter(body: dict[str, Any]) -> str:
    links = body.get("links", {})
    words = {"runs": _("The runs:"), "dashboard": _("The dashboard:"), "alert": _("The alert:")}
    lines = [str(body.get("text", "")), ""]
    for name, label in words.items():
        if name in links:
            lines += [label, str(links[name]), ""]
    return "\n".join(lines)
