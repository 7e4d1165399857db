"""How many people found answers helpful, and which answers they did not: for those who watch runs."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Trunc

from apps.annotations.models import Feedback
from apps.workflows.hooks import Dislike, FeedbackCount, FeedbackScope
from support.ids import earliest

#: A comment is shown in a line.
MOST_TEXT = 200


def counts(scope: FeedbackScope, *, step: str) -> list[FeedbackCount]:
    """Verdicts that stand, by app and `hour` or `day`."""
    rows = (
        _within(scope)
        .annotate(at=Trunc("created_at", step))
        .values("at", "application_id")
        .annotate(likes=Count("id", Q(rating="like")), dislikes=Count("id", Q(rating="dislike")))
        .order_by("at")
    )
    return [FeedbackCount(**row) for row in rows]


def dislikes(scope: FeedbackScope, *, limit: int) -> list[Dislike]:
    """The newest verdicts that say not helpful."""
    rows = _within(scope).filter(rating=Feedback.Rating.DISLIKE).order_by("-id")[:limit]
    return [
        Dislike(
            message_id=row.message_id,
            application_id=row.application_id,
            at=row.created_at,
            reason=str(row.get_reason_display()),
            text=row.text[:MOST_TEXT],
        )
        for row in rows
    ]


def _within(scope: FeedbackScope) -> QuerySet[Feedback]:
    """Ids are made when a verdict is given, so a range of them is a range of time, and an index has it."""
    rows = Feedback.objects.filter(superseded_at=None, id__gte=earliest(scope.since), id__lt=earliest(scope.until))
    if scope.team_ids is not None:
        rows = rows.filter(team_id__in=scope.team_ids)
    return rows if scope.application_id is None else rows.filter(application_id=scope.application_id)
