"""The second person's word on all that a file brought."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models import AnswerImport, ImportedAnswer
from apps.annotations.selectors.answer_imports import waiting_of
from apps.annotations.services.second_person import second_person_asked_for
from apps.annotations.services.undoing_import import is_as_it_came
from support.errors import NotAllowed

BATCH = 500


@transaction.atomic
def approve_import(found: AnswerImport, *, by: User) -> int:
    """Put to use what a file brought and what waits since; how many answers.

    What somebody changed meanwhile is not what the file says, and waits on. Raises NotAllowed for who brought the file.
    """
    if by.id == found.written_by_id:
        raise NotAllowed(_("This app asks for a second person: somebody else has to approve what you brought."))
    second_person_asked_for(found.application_id)  # nobody turns the switch meanwhile
    waiting = waiting_of(found).defer("embedding", "second_embedding").order_by("id")
    rows: dict[Any, Any] = {row.id: row for row in waiting.select_for_update(of=("self",))}
    notes = ImportedAnswer.objects.filter(answer_import=found, answer_id__in=waiting_of(found).values("id"))
    as_it_came = [note.answer_id for note in notes if is_as_it_came(rows[note.answer_id], note)]
    now = timezone.now()
    for at in range(0, len(as_it_came), BATCH):
        waiting_of(found).filter(id__in=as_it_came[at : at + BATCH]).update(
            is_enabled=True, is_waiting=False, approved_by=by, approved_at=now, updated_at=now
        )
    return len(as_it_came)
