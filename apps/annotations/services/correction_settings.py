"""Changes of what an app's approved corrections lead to, and bringing those that are approved already in line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.models import Correction, CorrectionSettings
from apps.annotations.selectors.correction_settings import golden_sets_for, settings_of
from apps.annotations.services.products import put_to_use
from apps.annotations.services.second_person import follow_switch, hold_switch
from support.errors import InvalidInput, NotAllowed, NotFound
from support.jobs import enqueue_on_commit

TASK = "annotations.bring_corrections_in_line"
BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What the corrections of an app lead to, as somebody wants it."""

    needs_second_person: bool = False
    makes_annotation: bool = True
    makes_example: bool = True
    makes_preference_pair: bool = True
    golden_set_id: UUID | None = None


@transaction.atomic
def change_settings(
    application: Any, switches: Switches, *, by: User, also_approved: bool = False
) -> CorrectionSettings:
    """Set an app's switches. They hold for approvals from now on, and with `also_approved` for earlier ones too.

    While a second person is asked for, no answer that nobody else approved is used, whenever it came. Ending that takes
    the right to manage the team, and is in the audit. Raises NotFound, NotAllowed, InvalidInput.
    """
    team_id: UUID = application.team_id
    if not teams_of(by).filter(id=team_id).exists():
        raise NotFound(_("There is no such app in your teams."))
    if not may(by, "edit", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include setting up corrections."))
    hold_switch(application.id)
    asked_for_two = settings_of(application.id).needs_second_person
    if asked_for_two and not switches.needs_second_person and not may(by, "manage", team_id=team_id):
        message = _("Only those who manage the team can do without the second person.")
        raise NotAllowed(message, field="needs_second_person")
    sets = golden_sets_for(application.id, team_id=team_id)
    if switches.golden_set_id is not None and not sets.filter(id=switches.golden_set_id).exists():
        raise InvalidInput(_("There is no such golden set for this app."), field="golden_set")
    row, _is_new = CorrectionSettings.objects.update_or_create(
        application_id=application.id,
        defaults={
            "team_id": team_id,
            "needs_second_person": switches.needs_second_person,
            "makes_annotation": switches.makes_annotation,
            "makes_example": switches.makes_example,
            "makes_preference_pair": switches.makes_preference_pair,
            "golden_set_id": switches.golden_set_id,
            "changed_by": by,
        },
    )
    if asked_for_two != row.needs_second_person:
        _note_switch(row, by=by)
        follow_switch(application.id, needs_second_person=row.needs_second_person)
    if also_approved:
        enqueue_on_commit(TASK, str(application.id), str(by.id), "")
    return row


def _note_switch(row: CorrectionSettings, *, by: User) -> None:
    words = _("A second person approves from now on.") if row.needs_second_person else _("No second person any more.")
    LogEntry.objects.log_actions(by.id, [row], CHANGE, change_message=words, single_object=True)


def bring_in_line(application_id: UUID, *, by_id: UUID, after: UUID | None = None) -> UUID | None:
    """Make and end products of approved corrections as the switches are now; a batch at a time.

    Returns where to go on, None at the end. Safe to repeat.
    """
    by = User.objects.get(id=by_id)
    approved = Correction.objects.filter(application_id=application_id, status=Correction.Status.APPROVED)
    if after is not None:
        approved = approved.filter(id__gt=after)
    ids = list(approved.order_by("id").values_list("id", flat=True)[:BATCH])
    for correction_id in ids:
        with transaction.atomic():
            # It may have been withdrawn meanwhile.
            correction = approved.filter(id=correction_id).select_for_update().first()
            if correction is not None:
                put_to_use(correction, by=by)
    return ids[-1] if len(ids) == BATCH else None
