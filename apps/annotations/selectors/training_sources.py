"""Where examples to train with come from: approved corrections, answers that people liked, annotations by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Avg, Exists, OuterRef, Q, QuerySet, Subquery, UUIDField, Value

from apps.annotations.models import Annotation, Correction, Feedback, PreferencePair, Score
from apps.workflows.selectors.messages import recent_messages

SOURCES = ("corrections", "liked", "annotations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows of a source are asked for."""

    team_id: UUID
    applications: tuple[UUID, ...] = ()
    since: dt.datetime | None = None
    until: dt.datetime
    #: Ids of queues in one of which the message was reviewed.
    queues: tuple[UUID, ...] = ()
    #: A question of reviewers, and how high its answers must be on average.
    score_config: UUID | None = None
    score_at_least: float | None = None

    def narrow(self, rows: QuerySet[Any], *, at: str) -> QuerySet[Any]:
        """The rows within the team, the apps and the time, which stands in the column `at`."""
        rows = rows.filter(**{"team_id": self.team_id, f"{at}__lt": self.until})
        if self.applications:
            rows = rows.filter(application_id__in=self.applications)
        if self.since:
            rows = rows.filter(**{f"{at}__gte": self.since})
        return self._reviewed(rows)

    def _reviewed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Of these, what people judged in the queues and as the score asks for; annotations by hand never were."""
        given = Score.objects.filter(
            team_id=self.team_id,
            item__subject_kind="message",
            item__subject_id=OuterRef("message_id"),
            assignment__state="submitted",
        ).order_by()
        if self.queues:
            given = given.filter(item__queue_id__in=self.queues)
            rows = rows.filter(Exists(given))
        if self.score_config and self.score_at_least is not None:
            numbers = given.filter(config_id=self.score_config, number__isnull=False)
            average = numbers.values("item__subject_id").annotate(average=Avg("number")).values("average")
            rows = rows.annotate(reviewers_say=Subquery(average)).filter(reviewers_say__gte=self.score_at_least)
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that may become an example."""

    #: The id by which the source is read on.
    id: UUID
    application_id: UUID
    question: str
    answer: str
    rejected: str = ""
    message_id: UUID | None = None
    conversation_id: UUID | None = None
    run_id: UUID | None = None
    correction_id: UUID | None = None
    #: Whose question it was, and when it was asked, where a message says so.
    end_user: str = ""
    asked_at: dt.datetime | None = None
    #: Questions and answers before it, the oldest first.
    earlier: list[tuple[str, str]] = field(default_factory=list)


def read_source(source: str, wanted: Wanted, *, after: UUID | None, size: int, context_turns: int = 0) -> list[Found]:
    """A page of a source in the order of ids."""
    rows = _rows(source, wanted)
    if after is not None:
        rows = rows.filter(id__gt=after)
    found = [_MAKERS[source](row) for row in rows.order_by("id")[:size]]
    if context_turns:
        for each in found:
            each.earlier.extend(_before(each, wanted.team_id, turns=context_turns))
    return found


def count_sources(wanted: Wanted, *, sources: tuple[str, ...]) -> Mapping[str, int]:
    """How many rows each source has now."""
    return {source: _rows(source, wanted).count() for source in sources}


def _rows(source: str, wanted: Wanted) -> QuerySet[Any]:
    approved = Correction.objects.filter(status=Correction.Status.APPROVED)
    if source == "corrections":
        pairs = PreferencePair.objects.filter(correction=OuterRef("pk"), is_enabled=True)
        rows = approved.annotate(is_pair=Exists(pairs)).select_related("message__conversation")
        return wanted.narrow(rows, at="approved_at")
    if source == "annotations":
        by_hand = Annotation.objects.filter(correction=None, is_enabled=True).annotate(
            message_id=Value(None, output_field=UUIDField())
        )
        return wanted.narrow(by_hand, at="created_at").defer("embedding")
    same = Feedback.objects.filter(message_id=OuterRef("message_id"), superseded_at=None)
    liked = Feedback.objects.filter(
        ~Exists(same.filter(rating=Feedback.Rating.DISLIKE)),
        ~Exists(approved.filter(message_id=OuterRef("message_id"))),
        # Of several people who liked it, the first one counts.
        ~Exists(same.filter(rating=Feedback.Rating.LIKE, id__lt=OuterRef("id"))),
        Q(message__status="normal"),
        rating=Feedback.Rating.LIKE,
        superseded_at=None,
    )
    return wanted.narrow(liked, at="created_at").select_related("message__conversation")


def _of_correction(row: Any) -> Found:
    """A correction whose app makes no preference pairs has a good answer only."""
    message: Any = row.message
    return Found(
        id=row.id,
        application_id=row.application_id,
        question=row.question,
        answer=row.corrected,
        rejected=row.original if row.is_pair else "",
        message_id=row.message_id,
        conversation_id=message.conversation_id if message else None,
        run_id=message.run_id if message else None,
        correction_id=row.id,
        **_asked(message),
    )


def _of_liked(row: Feedback) -> Found:
    message: Any = row.message
    return Found(
        id=row.id,
        application_id=row.application_id,
        question=message.query,
        answer=message.answer,
        message_id=message.id,
        conversation_id=message.conversation_id,
        run_id=message.run_id,
        **_asked(message),
    )


def _asked(message: Any) -> dict[str, Any]:
    return {"end_user": message.conversation.end_user, "asked_at": message.created_at} if message else {}


def _of_annotation(row: Annotation) -> Found:
    return Found(id=row.id, application_id=row.application_id, question=row.question, answer=row.answer)


_MAKERS: dict[str, Callable[[Any], Found]] = {
    "corrections": _of_correction,
    "liked": _of_liked,
    "annotations": _of_annotation,
}


def _before(found: Found, team_id: UUID, *, turns: int) -> list[tuple[str, str]]:
    if found.conversation_id is None or found.message_id is None:
        return []
    earlier = recent_messages([team_id]).filter(
        conversation_id=found.conversation_id, id__lt=found.message_id, status="normal"
    )
    said = earlier.exclude(answer="").exclude(query="").values_list("query", "answer")[:turns]
    return list(reversed(said))
