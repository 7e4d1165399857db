"""Writes of annotations and few-shot examples."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.importing import reading
from apps.annotations.models import Annotation, Correction, FewShotExample
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.selectors.correction_settings import settings_of
from apps.annotations.services.embedding import EMBEDDED, embed_into
from support.errors import Conflict, InvalidInput

Row = TypeVar("Row", bound=SearchableAnswer)
MAX_QUESTION, MAX_ANSWER = reading.MAX_QUESTION, reading.MAX_ANSWER


@transaction.atomic
def add_annotation(
    *, team_id: UUID, application_id: UUID, question: str, answer: str, by: User | None = None
) -> Annotation:
    """Have this question of the app answered with this text from now on. Raises InvalidInput."""
    return _add(
        Annotation(team_id=team_id, application_id=application_id, created_by=by), question=question, answer=answer
    )


@transaction.atomic
def add_example(
    *, team_id: UUID, application_id: UUID, question: str, answer: str, by: User | None = None
) -> FewShotExample:
    """Have models of the app shown this answer from now on. Raises InvalidInput."""
    return _add(
        FewShotExample(team_id=team_id, application_id=application_id, created_by=by), question=question, answer=answer
    )


@transaction.atomic
def edit_annotation(annotation: Row, *, question: str, answer: str) -> Row:
    """Change question or answer, also of an example; hits keep the texts that were given.

    Where an app asks for a second person, what one approved is changed where it was corrected, and approved again.
    Raises InvalidInput, Conflict.
    """
    question, answer = checked(question, answer)
    is_changed = (question, answer) != (annotation.question, annotation.answer)
    if is_changed and is_approved_by_two(annotation):
        raise Conflict(_("A second person approved this answer. Correct it where it came from."))
    annotation.answer = answer
    changed = ["answer", "updated_at"]
    if question != annotation.question:
        annotation.ask(question)
        embed_into(annotation)
        changed += ["question", "question_key", *EMBEDDED]
    annotation.save(update_fields=changed)
    return annotation


def is_approved_by_two(row: SearchableAnswer) -> bool:
    """Whether it came of a correction in an app that asks for a second person."""
    correction: Correction | None = getattr(row, "correction", None)
    return correction is not None and settings_of(correction.application_id).needs_second_person


def delete_annotation(annotation: Annotation) -> None:
    """Remove an annotation; what it answered stays in the hit history."""
    annotation.delete()


def toggle_annotation(annotation: Annotation, *, enabled: bool) -> None:
    """Take an annotation out of use, or back into it. Raises Conflict if its correction was withdrawn."""
    _toggle(annotation, enabled=enabled)


def toggle_example(example: FewShotExample, *, enabled: bool) -> None:
    """Take an example out of use, or back into it. Raises Conflict if its correction was withdrawn."""
    _toggle(example, enabled=enabled)


def checked(question: str, answer: str) -> tuple[str, str]:
    """Both texts without surrounding space. Raises InvalidInput when one is empty or too long."""
    question, answer = (text.replace("\x00", "").strip() for text in (question, answer))
    for field, word, text, limit in (
        ("question", _("question"), question, MAX_QUESTION),
        ("answer", _("answer"), answer, MAX_ANSWER),
    ):
        if not text:
            raise InvalidInput(_("The %(field)s must not be empty.") % {"field": word}, field=field)
        if len(text) > limit:
            facts = {"field": word, "limit": f"{limit:,}"}
            raise InvalidInput(_("The %(field)s is longer than %(limit)s characters.") % facts, field=field)
    return question, answer


def _add(row: Row, *, question: str, answer: str) -> Row:
    question, row.answer = checked(question, answer)
    row.ask(question)
    embed_into(row)
    row.save()
    return row


def _toggle(row: SearchableAnswer, *, enabled: bool) -> None:
    correction = getattr(row, "correction", None)
    if enabled and correction is not None and not correction.is_approved:
        raise Conflict(_("Its correction was withdrawn. Approve the correction again to use it."))
    row.is_enabled = enabled
    row.save(update_fields=["is_enabled", "updated_at"])
