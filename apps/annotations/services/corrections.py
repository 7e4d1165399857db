"""Writes of corrections: proposed, approved, sent back and withdrawn; approval puts the better answer to use."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.models import Correction, CorrectionStep, QueueItem
from apps.annotations.selectors.correction_settings import settings_of
from apps.annotations.selectors.corrections import approved_correction
from apps.annotations.selectors.review import Turn, open_turn
from apps.annotations.services.annotations import checked
from apps.annotations.services.products import put_to_use, take_out_of_use
from apps.annotations.services.taking_turns import wait_for_turn
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound
from support.jobs import enqueue_on_commit
from support.word_diff import diff_stats, diff_words

Status = Correction.Status
Kind = CorrectionStep.Kind
#: Still in the hands of its author.
OPEN = (Status.DRAFT, Status.PROPOSED)
MAX_REMARK = 1_000


@transaction.atomic
def correct_answer(
    message_id: UUID,
    corrected: str,
    *,
    by: User,
    approve: bool = True,
    propose: bool = False,
    question: str = "",
    queue_item: QueueItem | None = None,
) -> Correction:
    """Write down the better answer to a message, and put it to use if it is approved.

    A draft or proposal of the same author is continued. `propose` leaves the approval to others; so does `approve`
    where the app asks for a second person, unless that other person proposed this very text.
    Raises NotFound, NotAllowed, InvalidInput, Conflict.
    """
    turn = open_turn(message_id, team_ids=teams_of(by).values_list("id", flat=True))
    _require_right(by, turn.team_id)
    question, corrected = checked(question or turn.query, corrected)
    if corrected == turn.answer.strip():
        raise InvalidInput(_("The correction is the same as the answer."), field="corrected")
    # One who saves twice at once continues what he wrote first.
    wait_for_turn(f"correct/{turn.id}/{by.id}")
    standing = approved_correction(turn.id)
    if standing is not None and (standing.question, standing.corrected) == (question, corrected):
        return standing
    alike = _proposed_by_another(turn.id, question, corrected, by=by) if approve else None
    if alike is not None:
        return approve_correction(alike, by=by)
    correction = _written(turn, question, corrected, by=by, queue_item=queue_item)
    enqueue_on_commit("traces.keep", str(turn.run_id), str(turn.team_id), "correction")
    if approve and may_approve(correction, by):
        return approve_correction(correction, by=by)
    return _proposed(correction, by=by) if approve or propose else correction


@transaction.atomic
def propose_correction(correction: Correction, *, by: User) -> Correction:
    """Ask others to approve a draft of one's own. Raises NotFound, NotAllowed, Conflict."""
    _require_right(by, correction.team_id)
    _lock(correction)
    if correction.author_id != by.id:
        raise NotAllowed(_("Only its author can propose a draft."))
    if correction.status not in OPEN:
        raise Conflict(_("This correction is not a draft any more."))
    return _proposed(correction, by=by)


@transaction.atomic
def approve_correction(correction: Correction, *, by: User, seen: dt.datetime | None = None) -> Correction:
    """Put a correction to use: everything that is switched on for the app is made, or nothing.

    Other corrections of the message that are approved or proposed are replaced by it. `seen` is the `updated_at` of
    what the person has read: a text that its author changed since is not approved unread.
    Raises NotFound, NotAllowed, Conflict.
    """
    _require_right(by, correction.team_id)
    _lock(correction)
    if correction.is_approved:
        return correction
    if seen is not None and seen != correction.updated_at:
        raise Conflict(_("The correction was changed after you opened it. Read it again."))
    if correction.status == Status.DRAFT and correction.author_id != by.id:
        raise Conflict(_("Its author has not proposed this correction yet."))
    if not may_approve(correction, by):
        raise NotAllowed(_("This app asks for a second person: somebody else has to approve your correction."))
    for other in _others(correction):
        if other.is_approved:
            take_out_of_use(other, by=by)
        _move(other, Status.WITHDRAWN, Kind.REPLACED, by=by)
    correction.approved_by, correction.approved_at = by, timezone.now()
    try:
        with transaction.atomic():
            _move(correction, Status.APPROVED, Kind.APPROVED, by=by)
    except IntegrityError as exc:
        raise Conflict(_("Somebody has just approved another correction of this answer.")) from exc
    put_to_use(correction, by=by)
    return correction


@transaction.atomic
def send_back(correction: Correction, *, by: User, remark: str = "") -> Correction:
    """Give a proposal back to its author, with a remark. Raises NotFound, NotAllowed, Conflict."""
    _require_right(by, correction.team_id)
    _lock(correction)
    if not correction.is_proposed:
        raise Conflict(_("This correction does not wait for approval."))
    _move(correction, Status.DRAFT, Kind.SENT_BACK, by=by, remark=remark)
    return correction


@transaction.atomic
def withdraw_correction(correction: Correction, *, by: User) -> Correction:
    """Take the approval back: nothing that came of it is used any more. Raises NotFound, NotAllowed."""
    _require_right(by, correction.team_id)
    _lock(correction)
    take_out_of_use(correction, by=by)
    if correction.status != Status.WITHDRAWN:
        _move(correction, Status.WITHDRAWN, Kind.WITHDRAWN, by=by)
    return correction


def may_approve(correction: Correction, user: User) -> bool:
    """Whether this person may be the one who approves: where the app asks for a second one, not the author."""
    if not may(user, "annotate", team_id=correction.team_id):
        return False
    return correction.author_id != user.id or not settings_of(correction.application_id).needs_second_person


def _written(turn: Turn, question: str, corrected: str, *, by: User, queue_item: QueueItem | None) -> Correction:
    """The author's open correction of the message with these texts; a changed proposal is a draft again."""
    mine = Correction.objects.filter(message_id=turn.id, author=by, status__in=OPEN)
    correction = mine.select_for_update().first() or Correction(
        team_id=turn.team_id,
        application_id=turn.application_id,
        message_id=turn.id,
        trace_id=turn.run_id,
        queue_item=queue_item or QueueItem.objects.filter(subject_id=turn.id, team_id=turn.team_id).last(),
        original=turn.answer,
        author=by,
    )
    is_new = correction._state.adding
    if not is_new and (correction.question, correction.corrected) == (question, corrected):
        return correction
    correction.question, correction.corrected, correction.status = question, corrected, Status.DRAFT
    correction.diff_stats = diff_stats(diff_words(correction.original, corrected))
    correction.save()
    if is_new:
        _note(correction, Kind.WRITTEN, by=by)
    return correction


def _proposed(correction: Correction, *, by: User) -> Correction:
    if not correction.is_proposed:
        _move(correction, Status.PROPOSED, Kind.PROPOSED, by=by)
    return correction


def _proposed_by_another(message_id: UUID, question: str, corrected: str, *, by: User) -> Correction | None:
    proposed = Correction.objects.filter(message_id=message_id, status=Status.PROPOSED).exclude(author=by)
    return proposed.filter(question=question, corrected=corrected).first()


def _lock(correction: Correction) -> None:
    """Bring it up to date and keep it. All of its message wait, so that two approvals see each other."""
    if correction.message_id is not None:
        same = Correction.objects.filter(message_id=correction.message_id)
        list(same.order_by("id").select_for_update().values_list("id"))
    correction.refresh_from_db(from_queryset=Correction.objects.select_for_update())


def _others(correction: Correction) -> list[Correction]:
    """What this one replaces when it is approved."""
    if correction.message_id is None:
        return []
    others = Correction.objects.filter(message_id=correction.message_id, status__in=(Status.APPROVED, Status.PROPOSED))
    return list(others.exclude(id=correction.id))


def _move(correction: Correction, status: str, kind: str, *, by: User, remark: str = "") -> None:
    """Change its state, and note who did."""
    correction.status = status
    correction.save(update_fields=["status", "approved_by", "approved_at", "updated_at"])
    _note(correction, kind, by=by, remark=remark)


def _note(correction: Correction, kind: str, *, by: User, remark: str = "") -> None:
    remark = remark.replace("\x00", "").strip()[:MAX_REMARK]
    CorrectionStep.objects.create(
        team_id=correction.team_id, correction=correction, kind=kind, person=by, remark=remark
    )


def _require_right(user: User, team_id: UUID) -> None:
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such correction in your teams."))
    if not may(user, "annotate", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include reviewing answers."))
