"""Reading queues: the doors to a queue and an item, the questions, and the answers that were given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.selectors import teams_of
from apps.annotations.models import Assignment, QueueItem, QueueQuestion, ReviewQueue, Score
from apps.annotations.workbench.answers import Question, Value
from support.errors import NotFound


def open_queue(queue_id: UUID, *, for_: User) -> ReviewQueue:
    """The one door to a queue for members of its team. Raises NotFound."""
    found = ReviewQueue.objects.filter(id=queue_id, team__in=teams_of(for_)).select_related("team", "application")
    queue = found.first()
    if queue is None:
        raise NotFound("There is no such queue in your teams.")
    return queue


def open_item(item_id: UUID, *, queue: ReviewQueue) -> QueueItem:
    """An item of a queue one has opened. Raises NotFound."""
    item = QueueItem.objects.filter(id=item_id, queue=queue).first()
    if item is None:
        raise NotFound("There is no such item in this queue.")
    return item


def queues_for(user: User, *, team_ids: Iterable[UUID]) -> QuerySet[ReviewQueue]:
    """The open queues a person may work in: those that name them, and those that name nobody."""
    mine = Q(reviewers=user) | Q(reviewers=None)
    return ReviewQueue.objects.filter(mine, team_id__in=list(team_ids), is_open=True).distinct()


def queues_to_fill(team_ids: Iterable[UUID]) -> list[ReviewQueue]:
    """The open queues of these teams, by name."""
    return list(ReviewQueue.objects.filter(team_id__in=list(team_ids), is_open=True).order_by("name", "id")[:100])


def queues_of_team(team_id: UUID | None) -> list[ReviewQueue]:
    """All queues of a team, also closed ones, by name."""
    return list(ReviewQueue.objects.filter(team_id=team_id).order_by("name", "id")[:200]) if team_id else []


def is_reviewer(queue: ReviewQueue, user: User) -> bool:
    """Whether the queue is for this person: it names them or nobody."""
    named = list(queue.reviewers.values_list("id", flat=True))
    return not named or user.id in named


def questions_of(queue_id: UUID) -> list[Question]:
    """The questions a queue asks, in order."""
    rows = QueueQuestion.objects.filter(queue_id=queue_id).select_related("config").order_by("position", "id")
    return [row.config.as_question(is_required=row.is_required) for row in rows]


def sheets_of(item_id: UUID, questions: Sequence[Question]) -> list[dict[str, Value]]:
    """What each reviewer of an item answered, in the order they did."""
    return list(answers_by_assignment([item_id], questions).values())


def answers_by_assignment(
    item_ids: Iterable[UUID], questions: Sequence[Question], *, role: str = Assignment.Role.REVIEW
) -> dict[UUID, dict[str, Value]]:
    """assignment -> question -> answer, of those that are submitted."""
    kinds = {question.key: question.kind for question in questions}
    rows = Score.objects.filter(
        item_id__in=list(item_ids), assignment__role=role, assignment__state=Assignment.State.SUBMITTED
    ).order_by("assignment__submitted_at", "assignment_id")
    sheets: dict[UUID, dict[str, Value]] = {}
    for row in rows:
        key = str(row.config_id)
        if key in kinds:
            sheets.setdefault(row.assignment_id, {})[key] = row.value(kinds[key])
    return sheets
