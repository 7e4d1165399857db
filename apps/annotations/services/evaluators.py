"""Writes of evaluators: their settings are checked before they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.evaluation.specs import BadSetting, checked_config
from apps.annotations.models import Evaluator
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound


def save_evaluator(
    *,
    team_id: UUID,
    name: str,
    kind: str,
    config: Mapping[str, Any],
    pass_at: float,
    by: User | None,
    description: str = "",
    evaluator: Evaluator | None = None,
) -> Evaluator:
    """Keep a new evaluator, or other settings of one. Its kind stays: figures of before would mean something else.

    `by` is None for programs that have shown elsewhere that they may.
    Raises NotFound, NotAllowed, InvalidInput, Conflict.
    """
    if by is not None:
        require_right(by, team_id)
    if not name.strip():
        raise InvalidInput(_("Give it a name."), field="name")
    if not 0 <= pass_at <= 1:
        raise InvalidInput(_("An answer passes from a score between 0 and 1 on."), field="pass_at")
    if evaluator is not None and evaluator.kind != kind:
        raise InvalidInput(_("The kind of an evaluator stays. Make another one."), field="kind")
    full = config_in_words(kind, config)
    if evaluator is not None and by is not None:
        refuse_moving_a_gate(evaluator, config=full, pass_at=pass_at, by=by)
    row = evaluator or Evaluator(team_id=team_id, created_by=by)
    row.name, row.kind, row.description, row.pass_at = name.strip()[:80], kind, description.strip(), pass_at
    row.config = full
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as exc:
        raise Conflict(_("There is an evaluator of this name already.")) from exc
    return row


def archive_evaluator(evaluator: Evaluator, *, is_archived: bool, by: User) -> Evaluator:
    """Offer it no more, or again; gates and experiments that have it keep it. Raises NotFound, NotAllowed."""
    require_right(by, evaluator.team_id)
    evaluator.is_archived = is_archived
    evaluator.save(update_fields=["is_archived", "updated_at"])
    return evaluator


def refuse_moving_a_gate(evaluator: Evaluator, *, config: Mapping[str, Any], pass_at: float, by: User) -> None:
    """Who may not set a gate up does not change either what it judges by. Raises NotAllowed."""
    stored = Evaluator.objects.filter(id=evaluator.id, gates__is_enabled=True).values_list("config", "pass_at").first()
    if stored in (None, (dict(config), pass_at)) or may(by, "manage", team_id=evaluator.team_id):
        return
    raise NotAllowed(_("A publish gate judges by this evaluator: only those who manage the team change its settings."))


def require_right(user: User, team_id: UUID) -> None:
    """Who sets up evaluators edits the team's apps. Raises NotFound, NotAllowed."""
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such evaluator in your teams."))
    if not may(user, "edit", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include evaluators."))


def config_in_words(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in full. Raises InvalidInput that names the setting and says what is wrong with it."""
    try:
        return checked_config(kind, config)
    except BadSetting as exc:
        raise InvalidInput(fault_in_words(exc), field=exc.setting, reason=exc.reason) from exc


def fault_in_words(bad: BadSetting) -> str:
    """What is wrong with a setting, for the person who wrote it."""
    sentences = {
        "missing": _("This is needed."),
        "unknown": _("There is no such choice."),
        "too_long": _("This is longer than %(detail)s characters."),
        "too_many": _("These are more than %(detail)s."),
        "out_of_range": _("This must lie within %(detail)s."),
        "not_a_text": _("This must be a text."),
        "not_words": _("Give words, none of them empty."),
        "not_yes_or_no": _("This must be yes or no."),
        "not_an_object": _("This must be a JSON object."),
        "not_a_pattern": _("This is no regular expression: %(detail)s."),
        "not_a_schema": _("This is no JSON schema: %(detail)s"),
        "no_main": _("The code must define a function main."),
    }
    return sentences.get(bad.reason, bad.reason) % {"detail": bad.detail}
