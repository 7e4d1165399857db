"""Who gets which item: leases of five minutes, never more of them than an item has places.

Locks are taken in one order: the person's in the queue, then the item, then the assignment. The places of an item are
counted on its own row, because a row that was locked is read anew while a count over other rows would be of before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models import Assignment, QueueItem, ReviewQueue
from apps.annotations.services.claim_statement import Claim, end_leases, take_next
from apps.annotations.workbench.item_state import ItemState
from support.errors import Conflict

LEASE = dt.timedelta(minutes=5)
State = Assignment.State


def claim_next(queue: ReviewQueue, *, by: User, beside: Collection[UUID] = ()) -> Assignment | None:
    """The item the person works on next, or None when nothing is left for them.

    Somebody who comes back gets what they hold already. `beside` names items in their hands: with them the one after
    is claimed, so that a page can fetch it ahead.
    """
    now = timezone.now()
    assignment_id = take_next(
        Claim(queue_id=queue.id, user_id=by.id, is_open=queue.is_open, beside=beside, now=now, until=now + LEASE)
    )
    return None if assignment_id is None else Assignment.objects.select_related("item").get(id=assignment_id)


@transaction.atomic
def renew_lease(assignment_id: UUID, *, by: User) -> Assignment:
    """Somebody is still at it. A lease that ran out is taken up again while the place is free. Raises Conflict."""
    assignment = locked_assignment(assignment_id, by=by)
    return regain(assignment)


@transaction.atomic
def release_lease(assignment_id: UUID, *, by: User) -> None:
    """Give an item back; the draft stays with the person."""
    assignment = locked_assignment(assignment_id, by=by)
    if assignment.state == State.LEASED:
        free_place(assignment, state=State.RELEASED)


def release_expired(queue_id: UUID) -> int:
    """Free the places of leases that ran out. What others are just working with is left to them."""
    return end_leases(queue_id, now=timezone.now())


def locked_assignment(assignment_id: UUID, *, by: User) -> Assignment:
    """The person's assignment with its item, both locked. Raises Conflict when it is nobody's any more."""
    # Corrections name their item: whoever writes one down meanwhile need not wait.
    mine = QueueItem.objects.filter(assignments__id=assignment_id, assignments__annotator=by)
    item = mine.select_for_update(of=("self",), no_key=True).order_by().first()
    if item is None:
        raise Conflict(_("This item is no longer in your hands."))
    assignment = Assignment.objects.select_for_update().get(id=assignment_id)
    assignment.item = item
    return assignment


def regain(assignment: Assignment) -> Assignment:
    """Hold the place of a locked assignment again, for another five minutes. Raises Conflict."""
    item = assignment.item
    if assignment.state == State.LEASED:
        return _lease(assignment)
    free = item.taken < item.wanted and item.status == ItemState.PENDING
    if assignment.state != State.RELEASED or not free:
        raise Conflict(_("Your time for this item ran out and others have answered it. Your draft is kept."))
    _count(item, by=1)
    return _lease(assignment)


def free_place(assignment: Assignment, *, state: str) -> None:
    """Let go of a locked assignment's place and say how it stands with the person now."""
    assignment.state, assignment.leased_until = state, None
    assignment.save(update_fields=["state", "leased_until"])
    _count(assignment.item, by=-1)


def _lease(assignment: Assignment) -> Assignment:
    assignment.state, assignment.leased_until = State.LEASED, timezone.now() + LEASE
    assignment.save(update_fields=["state", "leased_until"])
    return assignment


def _count(item: QueueItem, *, by: int) -> None:
    item.taken += by
    item.save(update_fields=["taken"])
