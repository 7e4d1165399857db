"""Setting up queues: their questions, their reviewers, and what enters by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may
from apps.annotations.models import QueueItem, QueueQuestion, ReviewQueue, ScoreConfig
from apps.annotations.selectors.queues import open_queue
from apps.annotations.services.feeding import MOST_AT_ONCE, add_items, item_of_trace, item_of_turn
from apps.annotations.workbench.item_state import ItemState
from apps.traces.selectors.lists import of_teams
from apps.workflows.selectors.messages import recent_messages
from support.errors import Conflict, InvalidInput, NotAllowed


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


def add_by_hand(queue_id: UUID, *, by: User, message_ids: Sequence[UUID] = (), trace_ids: Sequence[UUID] = ()) -> int:
    """Put answers and traces of the team into a queue. Returns how many are new. Raises NotFound, NotAllowed."""
    queue = open_queue(queue_id, for_=by)
    if not may(by, "annotate", team_id=queue.team_id):
        raise NotAllowed(_("Your role in this team does not include reviewing answers."))
    if len(message_ids) + len(trace_ids) > MOST_AT_ONCE:
        raise InvalidInput(_("At most %(n)s at once.") % {"n": MOST_AT_ONCE})
    turns = recent_messages([queue.team_id]).filter(id__in=list(message_ids))
    traces = of_teams("traces", [queue.team_id]).filter(id__in=list(trace_ids))
    items = [*(item_of_turn(turn) for turn in turns), *(item_of_trace(trace) for trace in traces)]
    return add_items(queue, items, origin=ReviewQueue.Feed.HAND)


@transaction.atomic
def reopen_item(item_id: UUID, *, by: User) -> QueueItem:
    """Have an item that was set aside judged after all: those who skipped it may get it again."""
    item = QueueItem.objects.select_for_update().get(id=item_id)
    if not may(by, "edit", team_id=item.team_id):
        raise NotAllowed(_("Your role in this team does not include setting up queues."))
    if item.status != ItemState.SET_ASIDE:
        raise Conflict(_("This item is not set aside."))
    item.assignments.filter(state="skipped").update(state="later")
    item.status = ItemState.PENDING
    item.save(update_fields=["status"])
    return item
