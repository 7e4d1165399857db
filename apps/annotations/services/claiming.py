"""Who gets which item: leases of five minutes, never more of them than an item has places.

Locks are taken in one order: the person's in the queue, then the item, then the assignment. The places of an item are
counted on its own row, because a row that was locked is read anew while a count over other rows would be of before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models import Assignment, QueueItem, ReviewQueue
from apps.annotations.workbench.item_state import DONE_WITH, PUT_OFF, ItemState
from support.errors import Conflict

LEASE = dt.timedelta(minutes=5)
State = Assignment.State


@transaction.atomic
def claim_next(queue: ReviewQueue, *, by: User, beside: Collection[UUID] = ()) -> Assignment | None:
    """The item the person works on next, or None when nothing is left for them.

    Somebody who comes back gets what they hold already. `beside` names items in their hands: with them the one after
    is claimed, so that a page can fetch it ahead.
    """
    _one_at_a_time(queue.id, by.id)
    release_expired(queue.id)
    held = _held(queue, by).exclude(item_id__in=beside).order_by("claimed_at", "id").first()
    if held is not None:
        return _lease(held)
    if not queue.is_open:
        return None
    item = _free_item(queue, by, beside)
    return None if item is None else _take(item, by)


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
    now, freed = timezone.now(), 0
    expired = Assignment.objects.filter(queue_id=queue_id, state=State.LEASED, leased_until__lt=now)
    found = list(expired.values_list("id", "item_id")[:100])
    for assignment_id, item_id in found:
        if not QueueItem.objects.select_for_update(skip_locked=True, of=("self",)).filter(id=item_id).exists():
            continue
        changed = expired.filter(id=assignment_id).update(state=State.RELEASED, leased_until=None)
        if changed:
            QueueItem.objects.filter(id=item_id).update(taken=F("taken") - 1)
            freed += 1
    return freed


def locked_assignment(assignment_id: UUID, *, by: User) -> Assignment:
    """The person's assignment with its item, both locked. Raises Conflict when it is nobody's any more."""
    known = Assignment.objects.filter(id=assignment_id, annotator=by).values_list("item_id", flat=True).first()
    if known is None:
        raise Conflict(_("This item is no longer in your hands."))
    item = QueueItem.objects.select_for_update().get(id=known)
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


def _free_item(queue: ReviewQueue, by: User, beside: Collection[UUID]) -> QueueItem | None:
    """First what the person has not put off; of that what entered first, so that begun items are finished."""
    mine = Assignment.objects.filter(item=OuterRef("pk"), annotator=by, role=Assignment.Role.REVIEW)
    free = QueueItem.objects.filter(queue=queue, status=ItemState.PENDING, taken__lt=F("wanted")).exclude(
        id__in=list(beside)
    )
    fresh = free.filter(~Exists(mine.filter(state__in=[*DONE_WITH, *PUT_OFF])))
    return _first(fresh) or _first(free.filter(Exists(mine.filter(state__in=PUT_OFF))))


def _first(items: QuerySet[QueueItem]) -> QueueItem | None:
    return items.order_by("id").select_for_update(skip_locked=True, of=("self",)).first()


def _take(item: QueueItem, by: User) -> Assignment:
    """The person's assignment to a locked item: the one that is there, with its draft, or a new one."""
    _count(item, by=1)
    assignment = Assignment.objects.filter(item=item, annotator=by, role=Assignment.Role.REVIEW).first()
    if assignment is not None:
        assignment.item = item
        return _lease(assignment)
    return Assignment.objects.create(
        item=item, annotator=by, team_id=item.team_id, queue_id=item.queue_id, leased_until=timezone.now() + LEASE
    )


def _lease(assignment: Assignment) -> Assignment:
    assignment.state, assignment.leased_until = State.LEASED, timezone.now() + LEASE
    assignment.save(update_fields=["state", "leased_until"])
    return assignment


def _held(queue: ReviewQueue, by: User) -> QuerySet[Assignment]:
    held = Assignment.objects.filter(queue=queue, annotator=by, state=State.LEASED, role=Assignment.Role.REVIEW)
    return held.select_related("item")


def _count(item: QueueItem, *, by: int) -> None:
    item.taken += by
    item.save(update_fields=["taken"])


def _one_at_a_time(queue_id: UUID, user_id: UUID) -> None:
    """A person's claims in a queue follow one another, whatever number of pages they have open."""
    key = (queue_id.int ^ user_id.int) & 0x7FFF_FFFF_FFFF_FFFF
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
