"""Reading what was refused. Everything is reached through teams."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse

from apps.sandbox.models import Refusal


def refusals_of(team_ids: Collection[UUID]) -> QuerySet[Refusal]:
    """The refusals of these teams, newest first."""
    return Refusal.objects.filter(team_id__in=team_ids).order_by("-id")


def trace_url(run_id: str) -> str:
    """Where the trace of a run is shown, if traces are installed; a trace has the id of its run.

    What the sandbox was told may name a node after the run: `<run>:<node>`.
    """
    try:
        return reverse("admin:traces_trace_change", args=[UUID(run_id.partition(":")[0])])
    except (ValueError, NoReverseMatch):
        return ""
