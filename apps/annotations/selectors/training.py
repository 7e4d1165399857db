"""Reading fine-tune sets: the door to a set, its versions, and what has become of what they were made from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from apps.annotations.models import Correction, TrainingExport, TrainingSet, TrainingVersion
from apps.annotations.models.training_set import GOING
from support.errors import NotFound

MOST_VERSIONS = 50
MOST_FILES = 50


def training_sets(team_ids: Iterable[UUID]) -> QuerySet[Any]:
    """The teams' sets by name, each with its newest finished version as `latest_number`, `latest_kept`, `latest_at`."""
    latest = TrainingVersion.objects.filter(training_set=OuterRef("pk"), status="completed").order_by("-number")
    return (
        TrainingSet.objects.filter(team_id__in=list(team_ids))
        .select_related("team")
        .annotate(
            latest_number=Subquery(latest.values("number")[:1]),
            latest_kept=Subquery(latest.values("kept")[:1]),
            latest_at=Subquery(latest.values("finished_at")[:1]),
        )
        .order_by("name")
    )


def open_training_set(set_id: UUID, *, team_ids: Iterable[UUID]) -> TrainingSet:
    """The one door to a set. Raises NotFound."""
    found = TrainingSet.objects.filter(id=set_id, team_id__in=list(team_ids)).first()
    if found is None:
        raise NotFound("There is no such fine-tune set in your teams.")
    return found


def open_version(training_set: TrainingSet, number: int) -> TrainingVersion:
    """A version by its number. Raises NotFound."""
    found = training_set.versions.filter(number=number).select_related("training_set", "created_by").first()
    if found is None:
        raise NotFound("There is no such version.")
    return found


def versions_of(training_set: TrainingSet) -> list[TrainingVersion]:
    """The newest versions of a set."""
    return list(training_set.versions.select_related("created_by")[:MOST_VERSIONS])


def files_of(version: TrainingVersion) -> list[TrainingExport]:
    """The newest files of a version."""
    return list(version.exports.select_related("version__training_set", "created_by")[:MOST_FILES])


def open_file(export_id: UUID, *, team_ids: Iterable[UUID]) -> TrainingExport:
    """The one door to a file. Raises NotFound."""
    found = (
        TrainingExport.objects.filter(id=export_id, team_id__in=list(team_ids))
        .select_related("version__training_set")
        .first()
    )
    if found is None:
        raise NotFound("There is no such file.")
    return found


def withdrawn_in(version: TrainingVersion) -> int:
    """Examples of a version whose corrections are no longer approved."""
    approved = Correction.objects.filter(status=Correction.Status.APPROVED).values("id")
    return version.examples.exclude(correction_id=None).exclude(correction_id__in=approved).count()


def is_busy(version: TrainingVersion, files: Iterable[TrainingExport]) -> bool:
    """Whether the page of a version is worth asking for again soon."""
    return version.status in GOING or any(not each.is_over for each in files)
