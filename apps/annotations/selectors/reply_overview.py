"""The apps of a team at a glance: whether each answers from annotations, how, and how often it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from apps.annotations.models import Annotation, AnnotationHit, FewShotExample, ReplyJob, ReplySetting
from apps.annotations.models.training_set import GOING
from apps.annotations.selectors.hits import SPAN
from apps.annotations.selectors.reply import ReplyState, state_of
from apps.workflows.selectors.applications import applications_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRow:
    """An app in the list."""

    application: Any
    state: ReplyState
    annotations: int
    examples: int
    hits: int
    job: ReplyJob | None


def reply_rows(team_id: UUID) -> list[ReplyRow]:
    """The team's apps, those with most annotations first. Six queries, however many there are."""
    apps = list(applications_of(team_id))
    settings = {each.application_id: each for each in ReplySetting.objects.filter(team_id=team_id)}
    jobs = {each.application_id: each for each in ReplyJob.objects.filter(team_id=team_id, status__in=GOING)}
    answers = _counts(Annotation.objects.filter(team_id=team_id, is_enabled=True))
    examples = _counts(FewShotExample.objects.filter(team_id=team_id, is_enabled=True))
    hits = _counts(AnnotationHit.objects.filter(team_id=team_id, created_at__gte=timezone.now() - SPAN))
    rows = [
        ReplyRow(
            application=app,
            state=state_of(settings.get(app.id), version.features if (version := app.live or app.draft) else {}),
            annotations=answers.get(app.id, 0),
            examples=examples.get(app.id, 0),
            hits=hits.get(app.id, 0),
            job=jobs.get(app.id),
        )
        for app in apps
        if app.kind == app.Kind.CHAT or answers.get(app.id) or examples.get(app.id)
    ]
    return sorted(rows, key=lambda row: (-row.annotations, row.application.name.casefold()))


def _counts(rows: Any) -> dict[UUID, int]:
    return dict(rows.order_by().values_list("application_id").annotate(count=Count("id")))
