"""The versions of the workflows that an app may call: those of its own team that are published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from django.db.models import F

from apps.workflows.dsl.workflow_calls import called_workflows
from apps.workflows.models import Application, Version

_MOST_KEPT: Final = 5_000
_called: dict[UUID, frozenset[str]] = {}


def published_workflows(slugs: Iterable[str], *, team_id: UUID) -> dict[str, Version]:
    """The published versions of these apps and of all that they call, by slug, as far as there are any."""
    found: dict[str, Version] = {}
    asked: set[str] = set()
    wanted = set(slugs)
    while wanted:
        asked |= wanted
        rows = Version.objects.filter(
            application__team_id=team_id,
            application__slug__in=wanted,
            application__kind=Application.Kind.WORKFLOW,
            application__live=F("id"),
        ).select_related("application")
        new = {version.application.slug: version for version in rows}
        found |= new
        wanted = {slug for version in new.values() for slug in called_by(version)} - asked
    return found


def pinned_workflows(pins: Mapping[str, str], *, team_id: UUID) -> dict[str, Version]:
    """The versions that a run was accepted with, by slug."""
    rows = Version.objects.filter(id__in=pins.values(), application__team_id=team_id).select_related("application")
    versions = {str(version.id): version for version in rows}
    return {slug: versions[pin] for slug, pin in pins.items() if pin in versions}


def called_by(version: Version) -> frozenset[str]:
    """The slugs of the apps that a version calls; a version never changes, so they are looked up once."""
    found = _called.get(version.id)
    if found is None:
        if len(_called) >= _MOST_KEPT:
            _called.pop(next(iter(_called)))
        found = _called[version.id] = called_workflows(version.document)
    return found
