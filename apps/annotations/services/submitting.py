"""Writes of a reviewer: drafts, answers, skipping, and taking an answer back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models import Assignment, QueueItem, Score
from apps.annotations.selectors.queues import questions_of, sheets_of
from apps.annotations.services.claiming import LEASE, free_place, locked_assignment, regain
from apps.annotations.services.corrections import correct_answer
from apps.annotations.services.feeding import feed_low_scores
from apps.annotations.workbench.answers import BadAnswer, Kind, Question, Value, agreed, checked
from apps.annotations.workbench.item_state import ItemState, Standing, may_undo, state_of
from support.errors import Conflict, ConsoleError, InvalidInput

State = Assignment.State
MAX_REMARK = 1_000


@transaction.atomic
def save_draft(assignment_id: UUID, answers: Mapping[str, Any], *, by: User) -> Assignment:
    """Keep answers that are not given yet. It renews the lease while the place is free. Raises InvalidInput."""
    assignment = locked_assignment(assignment_id, by=by)
    if assignment.state == State.SUBMITTED:
        raise Conflict(_("You have given your answers to this item. Take them back to change them."))
    assignment.draft = check_answers(questions_of(assignment.queue_id), answers, complete=False)
    assignment.save(update_fields=["draft"])
    if assignment.state == State.LEASED:
        assignment.leased_until = timezone.now() + LEASE
        assignment.save(update_fields=["leased_until"])
    return assignment


@transaction.atomic
def submit_answers(assignment_id: UUID, answers: Mapping[str, Any], *, by: User) -> Assignment:
    """Give the answers to an item; the same ones twice are one. Raises InvalidInput, Conflict."""
    assignment = locked_assignment(assignment_id, by=by)
    questions = questions_of(assignment.queue_id)
    given = check_answers(questions, answers)
    if assignment.state == State.SUBMITTED:
        if assignment.draft == given:
            return assignment
        raise Conflict(_("You have given your answers to this item. Take them back to change them."))
    if assignment.state != State.LEASED:
        regain(assignment)
    scores = store_scores(assignment, questions, given)
    item = assignment.item
    item.submitted += 1
    _settle(item, questions)
    keep_correction(item, questions, given, by=by, approve=False)
    feed_low_scores(item, [score for score in scores if score.number is not None])
    return assignment


@transaction.atomic
def skip_item(assignment_id: UUID, *, by: User, reason: str, text: str = "", later: bool = False) -> Assignment:
    """Leave an item to others, with a reason, or put it off to the end of one's own line. Raises InvalidInput."""
    if not later and reason not in Assignment.SkipReason.values:
        raise InvalidInput(_("Say why you skip this item."), field="reason")
    assignment = locked_assignment(assignment_id, by=by)
    if assignment.state not in (State.LEASED, State.RELEASED):
        raise Conflict(_("You are done with this item."))
    if assignment.state == State.LEASED:
        free_place(assignment, state=State.LATER if later else State.SKIPPED)
    assignment.state = State.LATER if later else State.SKIPPED
    assignment.skip_reason = "" if later else reason
    assignment.skip_text = text.replace("\x00", "").strip()[:MAX_REMARK]
    assignment.save(update_fields=["state", "skip_reason", "skip_text"])
    _settle(assignment.item, questions_of(assignment.queue_id))
    return assignment


@transaction.atomic
def undo_last(queue_id: UUID, *, by: User) -> Assignment:
    """Take back what the person did last in the queue: it is in their hands again as a draft. Raises Conflict."""
    mine = Assignment.objects.filter(
        queue_id=queue_id, annotator=by, role=Assignment.Role.REVIEW, state=State.SUBMITTED
    )
    last = mine.order_by("-submitted_at").values_list("id", flat=True).first()
    if last is None:
        raise Conflict(_("There is nothing to take back."))
    assignment = locked_assignment(last, by=by)
    item = assignment.item
    if not may_undo(ItemState(item.status)):
        raise Conflict(_("Somebody has decided on this item; the answers to it stay."))
    assignment.scores.all().delete()
    assignment.state, assignment.submitted_at = State.LEASED, None
    assignment.leased_until = timezone.now() + LEASE
    # What is claimed first is handed out first.
    assignment.claimed_at = assignment.item.created_at
    assignment.save(update_fields=["state", "submitted_at", "leased_until", "claimed_at"])
    item.submitted -= 1
    _settle(item, questions_of(queue_id))
    return assignment


def check_answers(questions: Sequence[Question], answers: Mapping[str, Any], *, complete: bool = True) -> Any:
    """The answers as they are stored. Raises InvalidInput that names the question."""
    try:
        return checked(questions, answers, complete=complete)
    except BadAnswer as exc:
        name = next((each.name for each in questions if each.key == exc.key), exc.key)
        words = {
            "missing": _("“%(name)s” is not answered yet."),
            "too_small": _("The number for “%(name)s” is too small."),
            "too_large": _("The number for “%(name)s” is too large."),
        }.get(exc.reason, _("“%(name)s” does not take this answer."))
        raise InvalidInput(words % {"name": name}, field=exc.key, reason=exc.reason) from exc


def store_scores(assignment: Assignment, questions: Sequence[Question], given: Mapping[str, Value]) -> list[Score]:
    """The answers as scores, where there were none; the assignment is done."""
    rows = []
    for question in questions:
        if question.key in given:
            row = Score(team_id=assignment.team_id, assignment=assignment, item=assignment.item)
            row.config_id, row.author_id = UUID(question.key), assignment.annotator_id
            row.put(given[question.key])
            rows.append(row)
    Score.objects.bulk_create(rows)
    assignment.state, assignment.leased_until = State.SUBMITTED, None
    assignment.draft, assignment.submitted_at = dict(given), timezone.now()
    assignment.save(update_fields=["state", "leased_until", "draft", "submitted_at"])
    return rows


def _settle(item: QueueItem, questions: Sequence[Question]) -> None:
    """Bring the item's state in line with what was answered and skipped."""
    complete = item.submitted >= item.wanted
    skipped = 0 if complete else item.assignments.filter(state=State.SKIPPED).count()
    same = agreed(questions, sheets_of(item.id, questions)) if complete and item.wanted > 1 else True
    state = state_of(Standing(wanted=item.wanted, submitted=item.submitted, skipped=skipped, agreed=same))
    if state != item.status:
        item.completed_at = timezone.now() if state in (ItemState.COMPLETED, ItemState.DISAGREED) else None
    item.status = state
    item.save(update_fields=["status", "submitted", "completed_at"])


def keep_correction(
    item: QueueItem, questions: Sequence[Question], given: Mapping[str, Value], *, by: User, approve: bool
) -> None:
    """Write down the better answer that was given to a message; it waits for approval, unless `approve` gives that."""
    if item.subject_kind != QueueItem.Subject.MESSAGE:
        return
    for question in questions:
        text = given.get(question.key)
        if question.kind is not Kind.CORRECTION or not isinstance(text, str) or text.strip() == item.answer.strip():
            continue
        try:
            with transaction.atomic():
                correct_answer(item.subject_id, text, by=by, approve=approve, propose=True, queue_item=item)
        except ConsoleError:
            # The message was deleted meanwhile: the score keeps the text.
            return
