"""What people think of the answers of one conversation: for those who read it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apps.annotations.models import Feedback
from apps.workflows.hooks import Opinion


def opinions_on(message_ids: Sequence[UUID]) -> list[Opinion]:
    """The verdicts that stand on these messages, in the order in which they were given."""
    rows = Feedback.objects.filter(message_id__in=message_ids, superseded_at=None).select_related("user").order_by("id")
    return [
        Opinion(
            message_id=row.message_id,
            rating=row.rating,
            rating_label=str(row.get_rating_display()),
            reason=str(row.get_reason_display()) if row.reason else "",
            text=row.text,
            who=row.user.get_username() if row.user else row.end_user,
            source=str(row.get_source_display()),
            at=row.created_at,
        )
        for row in rows
    ]


def disliked_in(conversation_id: UUID, *, limit: int) -> list[UUID]:
    """The messages of a conversation that somebody does not find helpful, in its order."""
    rows = Feedback.objects.filter(
        message__conversation_id=conversation_id, rating=Feedback.Rating.DISLIKE, superseded_at=None
    )
    return list(rows.order_by("message_id").values_list("message_id", flat=True).distinct()[:limit])
