"""The second person that an app may ask for: nothing that nobody else approved is used while it does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.selectors.correction_settings import settings_of
from apps.annotations.selectors.reply import KINDS
from apps.annotations.services.taking_turns import share_turn, wait_for_turn
from support.errors import NotAllowed


def second_person_asked_for(application_id: UUID) -> bool:
    """Whether the app asks for one. Nobody changes that before the caller's transaction is over.

    Without that, what is written while the switch is turned would be in use and never looked at.
    """
    share_turn(_name(application_id))
    return settings_of(application_id).needs_second_person


def hold_switch(application_id: UUID) -> None:
    """Wait for those who are writing answers of the app, and have others wait until the transaction is over."""
    wait_for_turn(_name(application_id))


def follow_switch(application_id: UUID, *, needs_second_person: bool) -> int:
    """Take what nobody else approved out of use, or put what waits to use; how many answers. Under `hold_switch`."""
    changed = 0
    for kind in KINDS:
        rows: Any = kind._default_manager.filter(application_id=application_id)
        turned = {"is_enabled": True, "approved_at": None} if needs_second_person else {"is_waiting": True}
        changed += rows.filter(**turned).update(
            is_enabled=not needs_second_person, is_waiting=needs_second_person, updated_at=timezone.now()
        )
    return changed


def require_another(row: SearchableAnswer, by: User | None) -> None:
    """See that whoever approves the texts has not written them. Raises NotAllowed."""
    if by is None or by.id == row.written_by_id:
        raise NotAllowed(_("This app asks for a second person: somebody else has to approve this answer."))


def _name(application_id: UUID) -> str:
    return f"second-person/{application_id}"
