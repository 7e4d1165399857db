"""How the versions that matter stand before one gate, so that nobody finds out by trying to publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from apps.annotations.models import PublishGate
from apps.annotations.selectors.gates import standing_of
from apps.annotations.services.gates import refusal_of
from apps.workflows.hooks import Candidate, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOfVersion:
    """A version before a gate: what it reached, or what is in its way."""

    number: int
    is_live: bool
    is_draft: bool
    #: The figure that the gate looks at; None: there is none yet.
    value: float | None
    refusal: Refusal | None
    #: Of the experiment that counts, or of the form that begins one.
    url: str


def standings_before(gate: PublishGate) -> list[StandingOfVersion]:
    """The published version and the draft; one row where they are the same."""
    application: Any = gate.application
    versions = {each.id: each for each in (application.live, application.draft) if each is not None}
    return [_stands(gate, version) for version in versions.values()]


def _stands(gate: PublishGate, version: Any) -> StandingOfVersion:
    application: Any = gate.application
    standing = standing_of(gate, version.id, live_version_id=application.live_id)
    refusal = None
    if not standing.passes:
        candidate = Candidate(
            team_id=gate.team_id,
            application_id=application.id,
            application_slug=application.slug,
            application_name=application.name,
            version_id=version.id,
            version_number=version.number,
            live_version_id=application.live_id,
        )
        refusal = refusal_of(gate, standing, candidate)
    own = standing.experiment
    address = reverse("admin:annotations_experiment", args=[own.id]) if own is not None else ""
    return StandingOfVersion(
        number=version.number,
        is_live=version.id == application.live_id,
        is_draft=version.id == application.draft_id,
        value=standing.value,
        refusal=refusal,
        url=refusal.url if refusal is not None else address,
    )
