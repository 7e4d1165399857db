"""Reading corrections of a message."""

from __future__ import annotations

from uuid import UUID

from apps.annotations.models import Correction


def corrections_of(message_id: UUID) -> list[Correction]:
    """All corrections of a message, newest first, with author, annotation and example."""
    return list(
        Correction.objects.filter(message_id=message_id)
        .select_related("author", "approved_by", "annotation", "example")
        .defer("annotation__embedding", "example__embedding")
        .order_by("-id")
    )


def approved_correction(message_id: UUID) -> Correction | None:
    """The one correction of the message that is in force."""
    return Correction.objects.filter(message_id=message_id, status=Correction.Status.APPROVED).first()
