"""How far a queue is, who did how much, and how far reviewers agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q

from accounts.models import User
from apps.annotations.models import Assignment, QueueItem, ReviewQueue, Score
from apps.annotations.workbench.agreement import Agreement, agreement_of
from apps.annotations.workbench.answers import COMPARED, Question
from apps.annotations.workbench.item_state import ItemState

#: Items with two or more answers that agreement is reckoned from: the latest ones.
MOST_ITEMS = 5_000
State = Assignment.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many items are where."""

    total: int
    done: int
    pending: int
    disagreed: int
    set_aside: int

    @property
    def percent(self) -> int:
        """Done out of all, in hundredths."""
        return 100 * self.done // self.total if self.total else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalProgress:
    """What one reviewer did in a queue."""

    annotator_id: UUID | None
    name: str
    submitted: int
    skipped: int
    in_work: int
    last: Any


def progress_of(queue_ids: Sequence[UUID]) -> dict[UUID, Progress]:
    """queue -> how far it is, in one query for all."""
    rows = QueueItem.objects.filter(queue_id__in=list(queue_ids)).order_by()
    counted: dict[UUID, dict[str, int]] = {queue_id: defaultdict(int) for queue_id in queue_ids}
    for row in rows.values("queue_id", "status").annotate(n=Count("id")):
        counted[row["queue_id"]][row["status"]] = row["n"]
    return {queue_id: _progress(by_status) for queue_id, by_status in counted.items()}


def progress_by_person(queue: ReviewQueue) -> list[PersonalProgress]:
    """What each reviewer did, most first."""
    reviews = Assignment.objects.filter(queue=queue, role=Assignment.Role.REVIEW).order_by()
    rows = reviews.values("annotator_id", name=F("annotator__username")).annotate(
        submitted=Count("id", filter=Q(state=State.SUBMITTED)),
        skipped=Count("id", filter=Q(state=State.SKIPPED)),
        in_work=Count("id", filter=Q(state=State.LEASED)),
        last=Max("submitted_at"),
    )
    found = [PersonalProgress(**_named(row)) for row in rows]
    return sorted(found, key=lambda each: (-each.submitted, each.name))


def own_progress(queue: ReviewQueue, user: User) -> dict[str, int]:
    """How many items the person answered, and how many are left for them."""
    free = QueueItem.objects.filter(queue=queue, status=ItemState.PENDING, taken__lt=F("wanted")).count()
    is_free = Q(item__status=ItemState.PENDING, item__taken__lt=F("item__wanted"))
    mine = Assignment.objects.filter(queue=queue, annotator=user, role=Assignment.Role.REVIEW).order_by()
    counted = mine.aggregate(
        done=Count("id", filter=Q(state=State.SUBMITTED)),
        behind=Count("id", filter=is_free & Q(state__in=[State.SUBMITTED, State.SKIPPED])),
        in_hand=Count("id", filter=~is_free & Q(state=State.LEASED)),
    )
    return {"done": counted["done"], "left": free - counted["behind"] + counted["in_hand"]}


def recent_work(queue: ReviewQueue, user: User, *, limit: int = 12) -> list[Assignment]:
    """What the person did last in a queue, the latest first."""
    mine = Assignment.objects.filter(
        queue=queue, annotator=user, role=Assignment.Role.REVIEW, state__in=[State.SUBMITTED, State.SKIPPED]
    )
    return list(mine.select_related("item").order_by(F("submitted_at").desc(nulls_last=True), "-id")[:limit])


def agreement_per_question(queue: ReviewQueue, questions: Sequence[Question]) -> list[tuple[Question, Agreement]]:
    """How far reviewers agree on each question whose answers can be compared."""
    ratings = ratings_per_question(queue, questions)
    return [(each, agreement_of(each, ratings[each.key])) for each in questions if each.kind in COMPARED]


def ratings_per_question(
    queue: ReviewQueue, questions: Sequence[Question]
) -> dict[str, list[dict[str, bool | float | str]]]:
    """question -> one entry per item with two answers or more: reviewer -> answer. What agreement is reckoned from."""
    items = QueueItem.objects.filter(queue=queue, submitted__gte=2).order_by("-id").values("id")[:MOST_ITEMS]
    rows = Score.objects.filter(
        item_id__in=items, assignment__role=Assignment.Role.REVIEW, assignment__state=State.SUBMITTED
    ).order_by("item_id", "id")
    kinds = {question.key: question.kind for question in questions if question.kind in COMPARED}
    found: dict[str, dict[UUID, dict[str, Any]]] = {question.key: {} for question in questions}
    for row in rows:
        key = str(row.config_id)
        if key in kinds:
            reviewer = str(row.author_id or row.assignment_id)
            found[key].setdefault(row.item_id, {})[reviewer] = row.value(kinds[key])
    return {key: [units for units in by_item.values() if len(units) > 1] for key, by_item in found.items()}


def _progress(by_status: dict[str, int]) -> Progress:
    done = by_status[ItemState.COMPLETED] + by_status[ItemState.ADJUDICATED]
    return Progress(
        total=sum(by_status.values()),
        done=done,
        pending=by_status[ItemState.PENDING],
        disagreed=by_status[ItemState.DISAGREED],
        set_aside=by_status[ItemState.SET_ASIDE],
    )


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "name": row["name"] or ""}
