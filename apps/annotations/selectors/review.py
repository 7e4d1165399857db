"""What an operator reviews: messages of the apps of one's teams, and the way from one to the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.annotations.models import Correction, Feedback
from apps.workflows.selectors.messages import message_detail, message_of_visitor, recent_messages
from apps.workflows.selectors.runs import EXPERIMENT

#: Filters of the review list.
FILTERS = ("disliked", "proposed", "unreviewed", "errors", "all")


class Turn(Protocol):
    """What annotations know of a message: the tables of workflows are private to it."""

    id: UUID
    team_id: UUID
    application_id: UUID
    conversation_id: UUID
    run_id: UUID
    query: str
    answer: str
    metadata: dict[str, Any]


def open_turn(message_id: UUID, *, team_ids: Iterable[UUID]) -> Any:
    """The door to a message for members of its team: with app, conversation and run. Raises NotFound."""
    return message_detail(message_id, team_ids=list(team_ids))


def visitor_turn(message_id: UUID, *, visitor: str) -> Any | None:
    """A visitor's own message on a public chat page, or None."""
    return message_of_visitor(message_id, visitor)


def to_review(team_ids: Iterable[UUID], *, show: str = "all", application_id: UUID | None = None) -> QuerySet[Any]:
    """Messages that are answered, newest first, each with `is_disliked`, `is_liked` and `is_reviewed`."""
    given = Feedback.objects.filter(message_id=OuterRef("pk"), superseded_at=None)
    found = (
        recent_messages(list(team_ids), application_id=application_id)
        .exclude(status="running")
        .annotate(
            is_disliked=Exists(given.filter(rating=Feedback.Rating.DISLIKE)),
            is_liked=Exists(given.filter(rating=Feedback.Rating.LIKE)),
            is_corrected=Exists(
                Correction.objects.filter(message_id=OuterRef("pk"), status=Correction.Status.APPROVED)
            ),
            is_reviewed=Exists(given.filter(source=Feedback.Source.ADMIN))
            | Exists(Correction.objects.filter(message_id=OuterRef("pk"))),
        )
    )
    if show == "disliked":
        return found.filter(is_disliked=True, is_corrected=False)
    if show == "proposed":
        waiting = Correction.objects.filter(message_id=OuterRef("pk"), status=Correction.Status.PROPOSED)
        return found.filter(Exists(waiting))
    # What an experiment asked was asked by nobody, and would drown what people asked.
    found = found.exclude(conversation__source=EXPERIMENT)
    if show == "unreviewed":
        return found.filter(is_reviewed=False)
    if show == "errors":
        return found.filter(status="error")
    return found


def neighbours(turn: Turn) -> tuple[UUID | None, UUID | None]:
    """The ids of the messages of the app just before and just after this one in time."""
    others = recent_messages([turn.team_id], application_id=turn.application_id).exclude(status="running")
    earlier = others.filter(id__lt=turn.id).order_by("-id").values_list("id", flat=True).first()
    later = others.filter(id__gt=turn.id).order_by("id").values_list("id", flat=True).first()
    return earlier, later


def matches_text(found: QuerySet[Any], text: str) -> QuerySet[Any]:
    """The messages whose question or answer contains the text."""
    return found.filter(Q(query__icontains=text) | Q(answer__icontains=text)) if text else found
