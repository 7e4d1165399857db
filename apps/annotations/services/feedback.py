"""Writes of feedback: a verdict replaces the person's earlier one, which is kept."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from apps.annotations.models import Feedback
from apps.annotations.selectors.review import Turn
from apps.annotations.services.feeding import feed_dislike
from support.errors import InvalidInput
from support.jobs import enqueue_on_commit

#: A comment is a remark, not a document.
MAX_TEXT = 4_000


def record_feedback(
    turn: Turn,
    *,
    rating: str,
    source: str,
    user: User | None = None,
    end_user: str = "",
    reason: str = "",
    text: str = "",
) -> Feedback:
    """Note what a person thinks of a message; the same verdict twice is one. Raises InvalidInput.

    The caller has opened the message through the door for its kind of person. Who signed in is `user`; others are
    known by `end_user` within their source.
    """
    if rating not in Feedback.Rating.values:
        raise InvalidInput("The rating must be like or dislike.", field="rating")
    if reason and reason not in Feedback.Reason.values:
        raise InvalidInput(f"The reason must be one of {', '.join(Feedback.Reason.values)}.", field="reason")
    given = Feedback(
        team_id=turn.team_id,
        application_id=turn.application_id,
        message_id=turn.id,
        rating=rating,
        reason=reason if rating == Feedback.Rating.DISLIKE else "",
        text=text.replace("\x00", "").strip()[:MAX_TEXT],
        source=source,
        user=user,
        end_user=end_user,
        person=person_of(source=source, user=user, end_user=end_user),
    )
    enqueue_on_commit("traces.keep", str(turn.run_id), str(turn.team_id), "feedback")
    try:
        return _replace(given, turn)
    except IntegrityError:
        # The same person answered twice at once: the other verdict is there now and is replaced by this one.
        return _replace(given, turn)


def withdraw_feedback(turn: Turn, *, source: str, user: User | None = None, end_user: str = "") -> bool:
    """Take the person's verdict back; it stays in the history. False when there was none."""
    person = person_of(source=source, user=user, end_user=end_user)
    return bool(_current(turn.id, person).update(superseded_at=timezone.now()))


def person_of(*, source: str, user: User | None, end_user: str) -> str:
    """The one value that a verdict is unique by. Raises InvalidInput when nobody is named."""
    if user is not None:
        return f"user:{user.id}"
    if not end_user:
        raise InvalidInput("Say who gives the feedback: user must not be empty.", field="user")
    return f"{source}:{end_user}"


@transaction.atomic
def _replace(given: Feedback, turn: Turn) -> Feedback:
    standing = _current(given.message_id, given.person).select_for_update().first()
    if standing is not None:
        if _says_the_same(standing, given):
            return standing
        standing.superseded_at = timezone.now()
        standing.save(update_fields=["superseded_at"])
    given.save(force_insert=True)
    if given.rating == Feedback.Rating.DISLIKE:
        feed_dislike(given, turn)
    return given


def _current(message_id: UUID, person: str) -> QuerySet[Feedback]:
    return Feedback.objects.filter(message_id=message_id, person=person, superseded_at=None)


def _says_the_same(one: Feedback, other: Feedback) -> bool:
    return (one.rating, one.reason, one.text) == (other.rating, other.reason, other.text)
