"""Reading corrections: the door to one, those of a message, and where they came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.annotations.models import Correction, CorrectionStep, Feedback, QueueItem
from support.errors import NotFound

#: Queue items and verdicts that a page lists.
LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What led to a correction: verdicts on the answer and the queues it was in. Retention may have emptied it."""

    message: Any | None
    feedback: list[Feedback]
    queue_items: list[QueueItem]


def open_correction(correction_id: UUID, *, team_ids: Iterable[UUID]) -> Correction:
    """The door to a correction for members of its team. Raises NotFound."""
    found = Correction.objects.filter(id=correction_id, team_id__in=list(team_ids))
    correction = found.select_related("application", "message", "author", "approved_by", "queue_item").first()
    if correction is None:
        raise NotFound("There is no such correction in your teams.")
    return correction


def corrections_of(message_id: UUID) -> list[Correction]:
    """All corrections of a message, newest first, with their people."""
    return list(
        Correction.objects.filter(message_id=message_id).select_related("author", "approved_by").order_by("-id")
    )


def approved_correction(message_id: UUID) -> Correction | None:
    """The one correction of the message that is in force."""
    return Correction.objects.filter(message_id=message_id, status=Correction.Status.APPROVED).first()


def steps_of(correction: Correction) -> list[CorrectionStep]:
    """What was done with it, newest first."""
    return list(correction.steps.select_related("person").order_by("-id"))


def last_remark(correction: Correction) -> CorrectionStep | None:
    """The step that sent a draft back to its author, if that is the last thing that happened to it."""
    newest = correction.steps.select_related("person").order_by("-id").first()
    return newest if newest is not None and newest.kind == CorrectionStep.Kind.SENT_BACK else None


def origin_of(correction: Correction) -> Origin:
    """Where a correction came from."""
    message: Any = correction.message
    if message is None:
        item = correction.queue_item
        return Origin(
            message=None, feedback=[], queue_items=queue_items_of(item.subject_id, team_id=item.team_id) if item else []
        )
    given = Feedback.objects.filter(message_id=message.id, superseded_at=None).select_related("user").order_by("-id")
    return Origin(
        message=message,
        feedback=list(given[:LISTED]),
        queue_items=queue_items_of(message.id, team_id=correction.team_id),
    )


def queue_items_of(subject_id: UUID, *, team_id: UUID) -> list[QueueItem]:
    """The items of queues that are about a message, oldest first."""
    rows = QueueItem.objects.filter(subject_id=subject_id, team_id=team_id).select_related("queue")
    return list(rows.order_by("id")[:LISTED])
