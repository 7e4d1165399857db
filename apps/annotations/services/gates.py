"""Publish gates: whether a version has shown what it must, and what to do where it has not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db import transaction
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.models import Evaluator, Experiment, GateOverride, GoldenSet, PublishGate
from apps.annotations.selectors.gates import Standing, standing_of
from apps.workflows.hooks import Candidate, Refusal
from apps.workflows.selectors.applications import open_application
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound

#: By the codes of `Standing`.
_Words = tuple[str, str]


def refusals(candidate: Candidate) -> list[Refusal]:
    """What the gates of the app say against publishing a version; nothing: all of them let it pass."""
    gates = PublishGate.objects.filter(
        team_id=candidate.team_id, application_id=candidate.application_id, is_enabled=True
    ).select_related("golden_set", "evaluator")
    return [
        refusal_of(gate, standing, candidate)
        for gate in gates
        if not (standing := standing_of(gate, candidate.version_id, live_version_id=candidate.live_version_id)).passes
    ]


@transaction.atomic
def note_override(candidate: Candidate, refused: Sequence[Refusal], *, by_id: UUID, reason: str) -> None:
    """Keep who published against a gate, why, and what was said; also in the audit."""
    made = GateOverride.objects.create(
        team_id=candidate.team_id,
        application_id=candidate.application_id,
        version_id=candidate.version_id,
        refusals=[each.as_dict() for each in refused],
        reason=reason,
        by_id=by_id,
    )
    words = _("Published %(app)s version %(number)d against its gates: %(reason)s") % {
        "app": candidate.application_name,
        "number": candidate.version_number,
        "reason": reason,
    }
    LogEntry.objects.log_actions(by_id, [made], ADDITION, change_message=words, single_object=True)


@transaction.atomic
def save_gate(
    *,
    app: str,
    golden_set: GoldenSet,
    evaluator: Evaluator,
    by: User,
    threshold: float | None,
    figure: str = PublishGate.Figure.LOWER,
    against_live: str = PublishGate.Against.NONE,
    is_enabled: bool = True,
    set_version: int | None = None,
    gate: PublishGate | None = None,
) -> PublishGate:
    """Put a gate before publishing an app, or change one.

    It goes by one version of the set (None: the one it has, or the newest for a new gate or another set): whoever
    fills the set does not say what may be published. Moving it is in the audit.
    Raises NotFound, NotAllowed, InvalidInput, Conflict.
    """
    team_id = golden_set.team_id
    require_right(by, team_id)
    application = open_application(app, team_ids=[team_id])
    if evaluator.team_id != team_id or (gate is not None and gate.team_id != team_id):
        raise NotFound(_("There is no such gate in your teams."))
    if threshold is None and against_live == PublishGate.Against.NONE:
        raise InvalidInput(_("Give a threshold, or compare with the published version."), field="threshold")
    if threshold is not None and not 0 <= threshold <= 1:
        raise InvalidInput(_("A threshold lies between 0 and 1."), field="threshold")
    if figure not in PublishGate.Figure.values or against_live not in PublishGate.Against.values:
        raise InvalidInput(_("There is no such choice."), field="figure")
    same = PublishGate.objects.filter(application_id=application.id, golden_set=golden_set, evaluator=evaluator)
    if (same if gate is None else same.exclude(id=gate.id)).exists():
        raise Conflict(_("There is a gate for this set and evaluator already."))
    row = gate or PublishGate(team_id=team_id, created_by=by)
    before = _stored_version(row)
    row.set_version = _version_for(golden_set, set_version, before=before)
    row.application_id, row.golden_set, row.evaluator = application.id, golden_set, evaluator
    row.threshold, row.figure, row.against_live, row.is_enabled = threshold, figure, against_live, is_enabled
    row.save()
    _note_move(row, before, by=by)
    return row


@transaction.atomic
def move_gate(gate: PublishGate, *, by: User, set_version: int | None = None) -> PublishGate:
    """Have a gate go by another version of its set (None: the newest). Raises NotFound, NotAllowed, InvalidInput."""
    require_right(by, gate.team_id)
    golden_set = gate.golden_set
    golden_set.refresh_from_db(fields=["version"])
    before = _stored_version(gate)
    gate.set_version = _version_for(golden_set, set_version or golden_set.version, before=before)
    gate.save(update_fields=["set_version", "updated_at"])
    _note_move(gate, before, by=by)
    return gate


def remove_gate(gate: PublishGate, *, by: User) -> None:
    """Take a gate away. Raises NotFound, NotAllowed."""
    require_right(by, gate.team_id)
    gate.delete()


def require_right(user: User, team_id: UUID) -> None:
    """Who manages the team says what may be published: an editor could switch off what holds him back."""
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such gate in your teams."))
    if not may(user, "manage", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include publish gates."))


#: A set, its name, and which version of it.
_SetVersion = tuple[UUID, str, int]


def _stored_version(gate: PublishGate) -> _SetVersion | None:
    """What the gate goes by until now. None: it is new."""
    stored = PublishGate.objects.select_for_update(of=("self",)).filter(id=gate.id)
    return stored.values_list("golden_set_id", "golden_set__name", "set_version").first()


def _version_for(golden_set: GoldenSet, wanted: int | None, *, before: _SetVersion | None) -> int:
    """The version of the set that a gate is to go by. Raises InvalidInput."""
    if wanted is None:
        kept = before[2] if before is not None and before[0] == golden_set.id else 0
        wanted = kept or golden_set.version
    if not wanted:
        raise InvalidInput(_("“%(set)s” has no items yet. Add some first.") % {"set": golden_set}, field="golden_set")
    if not golden_set.versions.filter(number=wanted).exists():
        raise InvalidInput(_("There is no such version of the golden set."), field="set_version")
    return wanted


def _note_move(gate: PublishGate, before: _SetVersion | None, *, by: User) -> None:
    """Who has a gate ask for something else says what may be published: it is in the audit."""
    if before is None or (before[0], before[2]) == (gate.golden_set_id, gate.set_version):
        return
    words = _("Moved from “%(old_set)s” version %(old)d to “%(set)s” version %(new)d.") % {
        "old_set": before[1],
        "old": before[2],
        "set": gate.golden_set.name,
        "new": gate.set_version,
    }
    LogEntry.objects.log_actions(by.id, [gate], CHANGE, change_message=words, single_object=True)


def refusal_of(gate: PublishGate, standing: Standing, candidate: Candidate) -> Refusal:
    """What a gate says against a version that it does not let pass."""
    message, advice = _in_words(gate, standing, candidate)
    if standing.experiment is not None:
        which = _("Experiment: “%(name)s”.") % {"name": standing.experiment}
        message = f"{message} {which}"
    return Refusal(
        code=f"gate_{standing.code}",
        message=message,
        advice=advice,
        url=_address(standing.experiment, candidate, gate),
        details={
            "gate": str(gate.id),
            "golden_set": gate.golden_set.name,
            "golden_set_version": gate.set_version,
            "evaluator": gate.evaluator.name,
            "figure": gate.figure,
            "value": standing.value,
            "threshold": gate.threshold,
            "experiment": str(standing.experiment.id) if standing.experiment is not None else None,
            "version": candidate.version_number,
        },
    )


def _in_words(gate: PublishGate, standing: Standing, candidate: Candidate) -> _Words:
    facts: dict[str, Any] = {
        "set": gate.golden_set.name,
        "number": gate.set_version,
        "evaluator": gate.evaluator.name,
        "version": candidate.version_number,
        "figure": gate.get_figure_display(),
        "value": _number(standing.value),
        "threshold": _number(gate.threshold),
        "unscored": standing.missing,
        "live": _number(standing.live_value),
        "p": f"{standing.p_value:.3f}" if standing.p_value is not None else "",
    }
    return _MESSAGES[standing.code]() % facts, _ADVICE[standing.code]() % facts


_MESSAGES: dict[str, Any] = {
    "not_measured": lambda: _("Version %(version)d was not measured on “%(set)s” (version %(number)d) yet."),
    "under_way": lambda: _("Version %(version)d is being measured on “%(set)s” (version %(number)d)."),
    "incomplete": lambda: _(
        "%(unscored)d items of “%(set)s” (version %(number)d) have no score of “%(evaluator)s” yet."
    ),
    "below": lambda: _(
        "“%(evaluator)s” on “%(set)s” (version %(number)d): %(figure)s is %(value)s and must be at least %(threshold)s."
    ),
    "live_not_measured": lambda: _("The published version was not measured on “%(set)s” (version %(number)d) yet."),
    "worse": lambda: _(
        "“%(evaluator)s” on “%(set)s” (version %(number)d): %(value)s is worse"
        " than the %(live)s of the published version (p = %(p)s)."
    ),
}
_ADVICE: dict[str, Any] = {
    "not_measured": lambda: _("Run the experiment for this version, with “%(evaluator)s”."),
    "under_way": lambda: _("Wait for the end of the experiment."),
    "incomplete": lambda: _("Let the experiment try again what failed or was left out."),
    "below": lambda: _("Improve it and run the experiment for the new draft, or ask a manager of the team."),
    "live_not_measured": lambda: _("Run the same experiment for the published version, to compare with."),
    "worse": lambda: _("Look at the items that got worse, or ask a manager of the team."),
}


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def _address(experiment: Experiment | None, candidate: Candidate, gate: PublishGate) -> str:
    """Where the person can do what is advised, as far as there is a page for it."""
    try:
        if experiment is not None:
            return reverse("admin:annotations_experiment", args=[experiment.id])
        asked = {
            "set": f"{gate.golden_set_id}@{gate.set_version}",
            "app": candidate.application_slug,
            "version": candidate.version_number,
        }
        return f"{reverse('admin:annotations_experiment_add')}?{urlencode(asked)}"
    except NoReverseMatch:
        return ""
