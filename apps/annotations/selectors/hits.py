"""Reading hits: those of one annotation, and how often an app's annotations answered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from apps.annotations.models import Annotation, AnnotationHit, FewShotExample
from apps.workflows.selectors.messages import turns_since

SPAN = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage:
    """One page of hits, newest first, and how many there are in all."""

    items: list[AnnotationHit]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFigures:
    """What an app's annotations did in the last 30 days."""

    annotations: int
    annotations_off: int
    examples: int
    hits: int
    turns: int

    @property
    def share(self) -> float | None:
        """Turns answered from annotations, in per cent; None while there were no turns."""
        return 100 * min(self.hits, self.turns) / self.turns if self.turns else None


def hits_of(annotation: Annotation, *, page: int = 1, limit: int = 20) -> HitPage:
    """The hit history of one annotation."""
    found = AnnotationHit.objects.filter(annotation=annotation).order_by("-id")
    total, start = found.count(), (page - 1) * limit
    return HitPage(items=list(found[start : start + limit]), total=total, has_more=start + limit < total)


def reply_figures(application_id: UUID) -> ReplyFigures:
    """The figures of an app. Four queries."""
    since = timezone.now() - SPAN
    answers = Annotation.objects.filter(application_id=application_id).aggregate(
        on=Count("id", filter=Q(is_enabled=True)), off=Count("id", filter=Q(is_enabled=False))
    )
    within = {"application_id": application_id, "created_at__gte": since}
    return ReplyFigures(
        annotations=answers["on"],
        annotations_off=answers["off"],
        examples=FewShotExample.objects.filter(application_id=application_id, is_enabled=True).count(),
        hits=AnnotationHit.objects.filter(**within).count(),
        turns=turns_since(application_id, since),
    )
