"""Reading what an app's approved corrections lead to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.annotations.models import Correction, CorrectionSettings, GoldenSet
from apps.workflows.selectors.applications import applications_of


def settings_of(application_id: UUID) -> CorrectionSettings:
    """The app's switches; those that a new row has where nobody changed any."""
    found = CorrectionSettings.objects.filter(application_id=application_id).select_related("golden_set").first()
    return found or CorrectionSettings(application_id=application_id)


def settings_of_apps(team_id: UUID) -> list[tuple[Any, CorrectionSettings]]:
    """Every app of the team with its switches, by name."""
    apps = list(applications_of(team_id).order_by("name", "id"))
    rows = CorrectionSettings.objects.filter(application__in=[app.id for app in apps]).select_related("golden_set")
    known = {row.application_id: row for row in rows}
    return [(app, known.get(app.id) or CorrectionSettings(application_id=app.id)) for app in apps]


def golden_sets_for(application_id: UUID, *, team_id: UUID) -> QuerySet[GoldenSet]:
    """The team's golden sets that the app's corrections may become items of."""
    mine = Q(application=None) | Q(application_id=application_id)
    return GoldenSet.objects.filter(mine, team_id=team_id).order_by("name")


def correction_counts(application_ids: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
    """app -> how many of its corrections are `approved` and how many are `proposed`, in one query."""
    status = Correction.Status
    rows = (
        Correction.objects.filter(application_id__in=list(application_ids))
        .order_by()
        .values("application_id")
        .annotate(
            approved=Count("id", filter=Q(status=status.APPROVED)),
            proposed=Count("id", filter=Q(status=status.PROPOSED)),
        )
    )
    return {row["application_id"]: {name: row[name] for name in ("approved", "proposed")} for row in rows}
