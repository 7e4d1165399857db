"""Reading feedback."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from apps.annotations.models import Feedback


def feedback_of(message_ids: Iterable[UUID], *, end_user: str, source: str = "api") -> dict[UUID, str]:
    """message id -> what this end user thinks of it now (`like`, `dislike`); messages without a verdict are absent."""
    rows = Feedback.objects.filter(message_id__in=list(message_ids), person=f"{source}:{end_user}", superseded_at=None)
    return dict(rows.values_list("message_id", "rating"))


def verdicts(message_ids: Sequence[UUID], source: str, end_user: str) -> dict[UUID, str]:
    """The same for whoever lists messages. Members in the console are known by their user id."""
    if source == Feedback.Source.CONSOLE:
        return ratings_by(message_ids, user_id=UUID(end_user))
    return feedback_of(message_ids, end_user=end_user, source=source)


def ratings_by(message_ids: Iterable[UUID], *, user_id: UUID) -> dict[UUID, str]:
    """message id -> what this signed-in person thinks of it now."""
    rows = Feedback.objects.filter(message_id__in=list(message_ids), person=f"user:{user_id}", superseded_at=None)
    return dict(rows.values_list("message_id", "rating"))


def list_feedbacks(application_id: UUID, *, page: int = 1, limit: int = 20) -> list[Feedback]:
    """The app's current feedback, newest first, each with its message."""
    start = (page - 1) * limit
    found = Feedback.objects.filter(application_id=application_id, superseded_at=None)
    return list(found.select_related("message").order_by("-id")[start : start + limit])


def feedback_history(message_id: UUID) -> list[Feedback]:
    """Everything people said about a message, newest first, superseded verdicts included."""
    return list(Feedback.objects.filter(message_id=message_id).select_related("user").order_by("-id"))
