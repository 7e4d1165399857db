"""Setting up queues: their questions, their reviewers, and what enters by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may
from apps.annotations.models import QueueItem, QueueQuestion, ReviewQueue, ScoreConfig
from apps.annotations.selectors.queues import open_queue
from apps.annotations.services.feeding import BATCH, MOST_AT_ONCE, add_items, item_of_trace, item_of_turn
from apps.annotations.workbench.item_state import ItemState
from apps.traces.selectors.lists import PICKED, of_teams, question_of, rows_of
from apps.workflows.selectors.messages import recent_messages
from support.errors import Conflict, InvalidInput, NotAllowed

#: As many of what fits a list's filters enter while somebody waits.
MOST_BY_QUERY = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What became of what was put into a queue by hand."""

    queue: ReviewQueue
    new: int
    #: In the queue already.
    known: int
    #: Not of the queue's team, or not there any more.
    elsewhere: int


@transaction.atomic
def ask_questions(queue: ReviewQueue, configs: Sequence[ScoreConfig], *, optional: Iterable[UUID] = ()) -> None:
    """Have a queue ask these, in this order. Fixed once somebody answered. Raises InvalidInput, Conflict."""
    if not configs:
        raise InvalidInput(_("A queue asks at least one question."), field="configs")
    if any(config.team_id != queue.team_id for config in configs):
        raise InvalidInput(_("These questions are not of the queue's team."), field="configs")
    left_open = set(optional)
    wanted = [(config.id, config.id not in left_open) for config in configs]
    standing = list(queue.questions.values_list("config_id", "is_required"))
    if wanted == standing:
        return
    if queue.assignments.filter(state="submitted").exists():
        raise Conflict(_("Somebody has answered already; make another queue to ask something else."))
    queue.questions.all().delete()
    QueueQuestion.objects.bulk_create(
        QueueQuestion(queue=queue, config_id=config_id, is_required=is_required, position=position)
        for position, (config_id, is_required) in enumerate(wanted)
    )


@transaction.atomic
def change_overlap(queue: ReviewQueue, *, overlap: int) -> int:
    """How many reviews an item gets from now on; items that nobody began follow. Returns how many did."""
    queue.overlap = overlap
    queue.save(update_fields=["overlap"])
    untouched = QueueItem.objects.filter(queue=queue, taken=0, status=ItemState.PENDING).exclude(wanted=overlap)
    return untouched.update(wanted=overlap)


def put_picked(queue_id: UUID, *, ids: Sequence[UUID], by: User) -> Put:
    """Put answers and traces, by their ids, into a queue. Raises NotFound, NotAllowed, InvalidInput."""
    queue = _queue_to_fill(queue_id, by=by)
    if len(ids) > MOST_AT_ONCE:
        raise InvalidInput(_("At most %(n)s at once.") % {"n": MOST_AT_ONCE})
    new = found = 0
    for first in range(0, len(ids), BATCH):
        some = ids[first : first + BATCH]
        traces = of_teams("traces", [queue.team_id]).filter(id__in=some)
        turns = recent_messages([queue.team_id]).filter(id__in=some)
        items = [*map(item_of_turn, turns), *map(item_of_trace, traces)]
        found += len(items)
        new += add_items(queue, items, origin=ReviewQueue.Feed.HAND)
    return Put(queue=queue, new=new, known=found - new, elsewhere=len(ids) - found)


def put_found(queue_id: UUID, *, query: Mapping[str, str], by: User) -> Put:
    """Put the newest traces that fit the filters of a list into a queue. Raises as `put_picked` does."""
    queue = _queue_to_fill(queue_id, by=by)
    question = question_of({name: value for name, value in query.items() if name != PICKED}, table="traces")
    teams = [queue.team_id]
    rows = rows_of(question, within=of_teams("traces", teams), team_ids=teams).order_by("-started_at", "-id")
    return put_picked(queue.id, ids=list(rows.values_list("id", flat=True)[:MOST_BY_QUERY]), by=by)


def _queue_to_fill(queue_id: UUID, *, by: User) -> ReviewQueue:
    queue = open_queue(queue_id, for_=by)
    if not may(by, "annotate", team_id=queue.team_id):
        raise NotAllowed(_("Your role in this team does not include reviewing answers."))
    if not queue.is_open:
        raise Conflict(_("This queue is closed."))
    return queue


@transaction.atomic
def reopen_item(item_id: UUID, *, by: User) -> QueueItem:
    """Have an item that was set aside judged after all: those who skipped it may get it again."""
    item = QueueItem.objects.select_for_update(no_key=True).get(id=item_id)
    if not may(by, "edit", team_id=item.team_id):
        raise NotAllowed(_("Your role in this team does not include setting up queues."))
    if item.status != ItemState.SET_ASIDE:
        raise Conflict(_("This item is not set aside."))
    item.assignments.filter(state="skipped").update(state="later")
    item.status = ItemState.PENDING
    item.save(update_fields=["status"])
    return item
