"""Taking items out of queues: what goes with them is said before; what somebody worked on takes the right to edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may
from apps.annotations.models import Assignment, QueueItem, ReviewQueue
from apps.annotations.services.queue_news import announce
from support.errors import InvalidInput, NotAllowed

#: As many are taken out at once as can be put in by their filters.
MOST_REMOVED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What taking items out takes along."""

    items: list[QueueItem]
    #: Answers of reviewers, and decisions, that go with them.
    answers: int
    #: Somebody has it open just now.
    in_work: int

    @property
    def is_untouched(self) -> bool:
        """Whether it can be undone: nobody's work goes."""
        return not self.answers and not self.in_work


def what_goes(queue: ReviewQueue, item_ids: Sequence[UUID]) -> Going:
    """The items, as far as they are the queue's, and what goes with them."""
    items = list(queue.items.filter(id__in=list(item_ids)[:MOST_REMOVED]).order_by("id"))
    work = Assignment.objects.filter(item__in=[item.id for item in items])
    return Going(
        items=items,
        answers=work.filter(state=Assignment.State.SUBMITTED).count(),
        in_work=work.filter(state=Assignment.State.LEASED).count(),
    )


@transaction.atomic
def remove_items(queue: ReviewQueue, item_ids: Sequence[UUID], *, by: User) -> Going:
    """Take items out with all that was answered about them; corrections that came of them stay.

    Who reviews takes out what nobody has touched, who may edit takes out anything. Raises NotAllowed, InvalidInput.
    """
    if not may(by, "annotate", team_id=queue.team_id):
        raise NotAllowed(_("Your role in this team does not include reviewing answers."))
    if len(item_ids) > MOST_REMOVED:
        raise InvalidInput(_("At most %(n)s at once.") % {"n": MOST_REMOVED})
    # Who claims an item locks it: nobody gets one that is about to go.
    list(queue.items.filter(id__in=item_ids).order_by("id").select_for_update().values_list("id"))
    going = what_goes(queue, item_ids)
    if not going.is_untouched and not may(by, "edit", team_id=queue.team_id):
        raise NotAllowed(_("Somebody has worked on these items: only those who set up queues take them out."))
    QueueItem.objects.filter(id__in=[item.id for item in going.items]).delete()
    if going.items:
        announce([queue.id])
    return going
