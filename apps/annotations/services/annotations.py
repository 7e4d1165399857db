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
from apps.annotations.services.second_person import require_another, second_person_asked_for
from support.errors import Conflict, InvalidInput, NotFound

Row = TypeVar("Row", bound=SearchableAnswer)
#: What says whether an answer is in use, and who stands for it.
STANDING = ("is_enabled", "is_waiting", "written_by", "approved_by", "approved_at", "updated_at")
_KEPT = ("question", "question_key", "answer", "correction", "application", *STANDING)
MAX_QUESTION, MAX_ANSWER = reading.MAX_QUESTION, reading.MAX_ANSWER


@transaction.atomic
def add_annotation(
    *,
    team_id: UUID,
    application_id: UUID,
    question: str,
    answer: str,
    by: User | None = None,
    written_by: User | None = None,
) -> Annotation:
    """Have this question of the app answered with this text from now on. Raises InvalidInput.

    Where the app asks for a second person, it waits until somebody else takes it into use. `written_by` is the person
    who stands behind a program.
    """
    row = Annotation(team_id=team_id, application_id=application_id, created_by=by, written_by=by or written_by)
    return _add(row, question=question, answer=answer)


@transaction.atomic
def add_example(
    *, team_id: UUID, application_id: UUID, question: str, answer: str, by: User | None = None
) -> FewShotExample:
    """Have models of the app shown this answer from now on, or once a second person approves. Raises InvalidInput."""
    row = FewShotExample(team_id=team_id, application_id=application_id, created_by=by, written_by=by)
    return _add(row, question=question, answer=answer)


@transaction.atomic
def edit_annotation(annotation: Row, *, question: str, answer: str, by: User | None = None) -> Row:
    """Change question or answer, also of an example; hits keep the texts that were given.

    Where an app asks for a second person, what one approved is changed where it was corrected, and approved again;
    what was written by hand or came with a file waits for another person. `by` is who wrote the new texts.
    Raises InvalidInput, Conflict, NotFound.
    """
    question, answer = checked(question, answer)
    needs_second_person = second_person_asked_for(annotation.application_id)
    _lock(annotation)
    if (question, answer) == (annotation.question, annotation.answer):
        return annotation
    if needs_second_person and is_approved_by_two(annotation):
        raise Conflict(_("A second person approved this answer. Correct it where it came from."))
    annotation.answer, annotation.written_by = answer, by
    annotation.approve(by=None)
    annotation.stand(is_wanted=annotation.is_wanted, needs_second_person=needs_second_person)
    changed = ["answer", *STANDING]
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


@transaction.atomic
def toggle_annotation(annotation: Annotation, *, enabled: bool, by: User | None = None) -> None:
    """Take an annotation out of use, or back into it: where the app asks for a second person, that approves it.

    Raises Conflict if its correction was withdrawn, NotAllowed for who wrote it, NotFound.
    """
    _toggle(annotation, enabled=enabled, by=by)


@transaction.atomic
def toggle_example(example: FewShotExample, *, enabled: bool, by: User | None = None) -> None:
    """The same for an example. Raises Conflict, NotAllowed, NotFound."""
    _toggle(example, enabled=enabled, by=by)


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
    row.stand(is_wanted=True, needs_second_person=second_person_asked_for(row.application_id))
    row.ask(question)
    embed_into(row)
    row.save()
    return row


def _toggle(row: SearchableAnswer, *, enabled: bool, by: User | None) -> None:
    needs_second_person = second_person_asked_for(row.application_id)
    read = (row.question, row.answer)
    _lock(row)
    if enabled and (row.question, row.answer) != read:
        raise Conflict(_("Somebody has just changed this answer. Read it again."))
    correction = getattr(row, "correction", None)
    if enabled and correction is not None and not correction.is_approved:
        raise Conflict(_("Its correction was withdrawn. Approve the correction again to use it."))
    if enabled and needs_second_person and row.approved_at is None:
        require_another(row, by)
        row.approve(by=by)
    row.stand(is_wanted=enabled, needs_second_person=needs_second_person)
    row.save(update_fields=STANDING)


def _lock(row: SearchableAnswer) -> None:
    """Bring the row up to date, without its vectors, and keep it. Raises NotFound."""
    kept = type(row)._default_manager.select_for_update(of=("self",))
    try:
        row.refresh_from_db(fields=_KEPT, from_queryset=kept)
    except type(row).DoesNotExist as exc:
        raise NotFound(_("This answer is not there any more.")) from exc
