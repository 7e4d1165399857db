"""Deciding what holds where reviewers saw it differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may
from apps.annotations.models import Assignment, QueueItem
from apps.annotations.selectors.queues import questions_of
from apps.annotations.services.submitting import check_answers, keep_correction, store_scores
from apps.annotations.workbench.item_state import ItemState, may_adjudicate
from support.errors import Conflict, NotAllowed


@transaction.atomic
def decide_item(item_id: UUID, answers: Mapping[str, Any], *, by: User, approve: bool = False) -> QueueItem:
    """Say which answers hold for an item, and put its correction to use if `approve`.

    What the reviewers answered stays as it was. A decision can be made anew. Raises NotAllowed, InvalidInput, Conflict.
    """
    item = QueueItem.objects.select_for_update(no_key=True).get(id=item_id)
    if not may(by, "edit", team_id=item.team_id):
        raise NotAllowed(_("Your role in this team does not include deciding on disagreements."))
    if not may_adjudicate(ItemState(item.status)):
        raise Conflict(_("There is no disagreement about this item."))
    questions = questions_of(item.queue_id)
    given = check_answers(questions, answers)
    item.assignments.filter(role=Assignment.Role.DECISION).exclude(annotator=by).delete()
    decision, _made = Assignment.objects.get_or_create(
        item=item, annotator=by, role=Assignment.Role.DECISION, defaults={"team_id": item.team_id, "queue": item.queue}
    )
    decision.item = item
    decision.scores.all().delete()
    store_scores(decision, questions, given)
    item.status, item.completed_at = ItemState.ADJUDICATED, timezone.now()
    item.save(update_fields=["status", "completed_at"])
    keep_correction(item, questions, given, by=by, approve=approve)
    return item
