"""Writes of corrections: approval puts the better answer to use, withdrawal takes it out everywhere."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.models import Annotation, Correction, FewShotExample
from apps.annotations.selectors.corrections import approved_correction
from apps.annotations.selectors.review import open_turn
from apps.annotations.services.annotations import checked
from apps.annotations.services.embedding import embed_into
from support.errors import InvalidInput, NotAllowed, NotFound
from support.jobs import enqueue_on_commit
from support.word_diff import diff_stats, diff_words


@transaction.atomic
def correct_answer(
    message_id: UUID, corrected: str, *, by: User, approve: bool = True, question: str = ""
) -> Correction:
    """Write down the better answer to a message, and put it to use if it is approved.

    A draft of the same author is continued. Raises NotFound, NotAllowed, InvalidInput.
    """
    turn = open_turn(message_id, team_ids=teams_of(by).values_list("id", flat=True))
    _require_right(by, turn.team_id)
    question, corrected = checked(question or turn.query, corrected)
    if corrected == turn.answer.strip():
        raise InvalidInput(_("The correction is the same as the answer."), field="corrected")
    standing = approved_correction(turn.id)
    if standing is not None and (standing.question, standing.corrected) == (question, corrected):
        return standing
    drafts = Correction.objects.select_for_update().filter(
        message_id=turn.id, author=by, status=Correction.Status.DRAFT
    )
    correction = drafts.first() or Correction(
        team_id=turn.team_id,
        application_id=turn.application_id,
        message_id=turn.id,
        original=turn.answer,
        author=by,
    )
    correction.question, correction.corrected = question, corrected
    correction.diff_stats = diff_stats(diff_words(correction.original, corrected))
    correction.save()
    enqueue_on_commit("traces.keep", str(turn.run_id), str(turn.team_id), "correction")
    return approve_correction(correction, by=by) if approve else correction


@transaction.atomic
def approve_correction(correction: Correction, *, by: User) -> Correction:
    """Answer the question with the corrected text from now on and show it to models as an example.

    An earlier approved correction of the same message is withdrawn. Raises NotAllowed.
    """
    _require_right(by, correction.team_id)
    for other in _others_approved(correction):
        _take_out_of_use(other)
    correction.status = Correction.Status.APPROVED
    correction.approved_by, correction.approved_at = by, timezone.now()
    correction.save(update_fields=["status", "approved_by", "approved_at", "updated_at"])
    _put_to_use(correction, by=by)
    return correction


@transaction.atomic
def withdraw_correction(correction: Correction, *, by: User) -> Correction:
    """Take the approval back: the annotation and the example that came from it are used no more. Raises NotAllowed."""
    _require_right(by, correction.team_id)
    return _take_out_of_use(correction)


def _put_to_use(correction: Correction, *, by: User) -> None:
    """One annotation and one example per correction, made anew or brought back."""
    annotation = Annotation.objects.filter(correction=correction).first() or Annotation(correction=correction)
    example = FewShotExample.objects.filter(correction=correction).first() or FewShotExample(correction=correction)
    for row in (annotation, example):
        row.team_id, row.application_id = correction.team_id, correction.application_id
        row.answer, row.is_enabled, row.created_by = correction.corrected, True, by
        row.ask(correction.question)
    embed_into(annotation, example)
    annotation.save()
    example.save()


def _others_approved(correction: Correction) -> list[Correction]:
    if correction.message_id is None:
        return []
    approved = Correction.objects.filter(message_id=correction.message_id, status=Correction.Status.APPROVED)
    return list(approved.exclude(id=correction.id).select_for_update())


def _take_out_of_use(correction: Correction) -> Correction:
    now = timezone.now()
    correction.status = Correction.Status.WITHDRAWN
    correction.save(update_fields=["status", "updated_at"])
    Annotation.objects.filter(correction=correction).update(is_enabled=False, updated_at=now)
    FewShotExample.objects.filter(correction=correction).update(is_enabled=False, updated_at=now)
    return correction


def _require_right(user: User, team_id: UUID) -> None:
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such correction in your teams."))
    if not may(user, "annotate", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include reviewing answers."))
