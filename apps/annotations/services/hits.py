"""Writes down each answer that was given from an annotation."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.annotations.models import Annotation, AnnotationHit


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One answer from an annotation, with both texts as they were given."""

    team_id: UUID
    application_id: UUID
    annotation_id: UUID
    run_id: UUID
    message_id: UUID | None
    question: str
    annotation_question: str
    annotation_answer: str
    score: float
    source: str


@transaction.atomic
def record_hit(hit: Hit) -> bool:
    """Count the hit and keep it in the history, once for each run; False when it was there already."""
    counted = Annotation.objects.filter(id=hit.annotation_id, application_id=hit.application_id)
    # The annotation may have been deleted since: then the hit is kept without it.
    annotation_id = hit.annotation_id if counted.select_for_update().exists() else None
    _row, is_new = AnnotationHit.objects.get_or_create(
        run_id=hit.run_id,
        defaults={
            "team_id": hit.team_id,
            "application_id": hit.application_id,
            "annotation_id": annotation_id,
            "message_id": hit.message_id,
            "question": hit.question,
            "annotation_question": hit.annotation_question,
            "annotation_answer": hit.annotation_answer,
            "score": hit.score,
            "source": hit.source,
        },
    )
    if is_new:
        counted.update(hit_count=F("hit_count") + 1, last_hit_at=timezone.now())
    return is_new
