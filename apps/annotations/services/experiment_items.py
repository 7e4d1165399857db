"""One item of an experiment: the app is asked, its answer kept, and every evaluator heard. Each step is kept at once.

Whoever takes an item over from a worker that died begins where that one stopped: a run that was begun is seen to its
end, and evaluators that have spoken are not asked again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.adapters.reach import TeamReach, spent_on
from apps.annotations.evaluation.case import NOTHING, Case, Judgement, Spec, Spent
from apps.annotations.evaluation.evaluating import evaluate
from apps.annotations.models import Experiment, Result, ResultScore
from apps.annotations.services.experiment_claims import note_spent, score_nought
from apps.workflows.engine.journal import storable
from apps.workflows.services import Accepted, Outcome, accept_measured, outcome_of, see_to_end, stop_measured
from support.database import in_thread
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

#: How long a run that is stopped may take to say so.
STOPPING_S = 10.0
_LONGEST_MESSAGE = 4_000


class NotOurs(Exception):
    """The item was taken from this worker, or the experiment was stopped: what it does is not kept."""


async def work_on_item(experiment: Experiment, result: Result) -> None:
    """Take an item that is leased to the caller to its end. Raises NotOurs."""
    if not result.is_answered:
        outcome = await _asked(experiment, result)
        await in_thread(_keep_answer, experiment, result, outcome)
    if result.status == Result.Status.RUNNING:
        await _judge(experiment, result)
        await in_thread(_finish, result)


async def judge_case(case: Case, spec: Spec, *, team_id: UUID, seconds: float) -> Judgement:
    """What one evaluator says of one answer, within a time; also outside of experiments. Never raises.

    What judges and code write is theirs: what no database takes is replaced, so that it can be kept as it is counted.
    """
    try:
        async with asyncio.timeout(seconds):
            return _keepable(await evaluate(case, spec, TeamReach(team_id)))
    except TimeoutError:
        message = f"The evaluator took more than {seconds:g} s."
        return Judgement(score=None, error_code="evaluator_timeout", error_message=message)
    except Exception as exc:  # border: a fault of ours in one evaluator must not end an experiment
        logger.exception("evaluator %s failed by a fault of the console", spec.id)
        message = f"The console failed while it judged ({type(exc).__name__})."
        return Judgement(score=None, error_code="internal_error", error_message=message)


def _keepable(said: Judgement) -> Judgement:
    texts = ("label", "explanation", "details", "error_code", "error_message")
    return replace(said, **{name: storable(getattr(said, name)) for name in texts})


async def _asked(experiment: Experiment, result: Result) -> Outcome:
    """The outcome of the item's run, begun now or by a worker that died."""
    accepted: Accepted | None = None
    try:
        if result.run_id is None or await in_thread(outcome_of, result.run_id) is None:
            accepted = await in_thread(_begin, experiment, result)
    except ConsoleError as exc:
        return Outcome(status="failed", error_code=exc.code, error_message=exc.message)
    if result.run_id is None:  # only for the type checker: `_begin` has set it
        raise NotOurs
    try:
        async with asyncio.timeout(experiment.item_seconds):
            outcome = await see_to_end(result.run_id, accepted=accepted)
    except TimeoutError:
        outcome = await _stopped(result.run_id)
        message = _("No answer within %(seconds)d s.") % {"seconds": experiment.item_seconds}
        return replace(outcome, status="failed", error_code="item_timeout", error_message=message)
    if outcome is None:
        return Outcome(status="failed", error_code="run_lost", error_message=_("The run does not exist any more."))
    if outcome.is_paused:
        outcome = await _stopped(result.run_id)
        message = _("The app asks a person; nobody replies in an experiment.")
        return replace(outcome, status="failed", error_code="waits_for_person", error_message=message)
    return outcome


async def _stopped(run_id: UUID) -> Outcome:
    """What there is of a run once it is stopped."""
    await in_thread(stop_measured, [run_id])
    try:
        async with asyncio.timeout(STOPPING_S):
            ended = await see_to_end(run_id)
    except TimeoutError:
        ended = None
    return ended or Outcome(status="failed")


@transaction.atomic
def _begin(experiment: Experiment, result: Result) -> Accepted:
    """The run and the note of it are committed together: no run is lost, and none begun twice."""
    item = result.item
    accepted = accept_measured(
        experiment.version_id,
        team_id=experiment.team_id,
        query=item.question,
        inputs=item.inputs,
        end_user=f"experiment {experiment.id}",
    )
    result.run_id = accepted.run.id
    _keep(result, run_id=result.run_id)
    return accepted


@transaction.atomic
def _keep_answer(experiment: Experiment, result: Result, outcome: Outcome) -> None:
    spent = sum((spent_on(usage, calls=1) for usage in outcome.usages), NOTHING)
    result.calls, result.tokens, result.cost = spent.calls, spent.tokens, spent.cost
    result.elapsed = outcome.elapsed
    result.is_answered = outcome.is_good
    values: dict[str, Any] = {
        "calls": spent.calls,
        "tokens": spent.tokens,
        "cost": spent.cost,
        "elapsed": outcome.elapsed,
        "is_answered": outcome.is_good,
    }
    if outcome.is_good:
        result.answer, result.outputs = outcome.answer, dict(outcome.outputs)
        values |= {"answer": result.answer, "outputs": result.outputs}
    else:
        result.status = Result.Status.FAILED
        values |= {
            "status": result.status,
            "answer": outcome.answer,
            "outputs": dict(outcome.outputs),
            "error_code": (outcome.error_code or outcome.status)[:60],
            "error_message": outcome.error_message[:_LONGEST_MESSAGE],
            "finished_at": timezone.now(),
            "lease_until": None,
        }
    _keep(result, **values)
    note_spent(experiment.id, spent)
    if not outcome.is_good:
        score_nought(experiment, result)


async def _judge(experiment: Experiment, result: Result) -> None:
    """Hear the evaluators that have not spoken yet, side by side."""
    case, spoken = await in_thread(_case_of, experiment, result)

    async def hear(place: int, spec: Spec) -> None:
        judgement = await judge_case(case, spec, team_id=experiment.team_id, seconds=experiment.item_seconds)
        await in_thread(_keep_judgement, experiment, result, place, spec, judgement)

    specs = [Spec.read(stored) for stored in experiment.specs]
    async with asyncio.TaskGroup() as group:
        for place, spec in enumerate(specs):
            if place not in spoken:
                group.create_task(hear(place, spec))


def _case_of(experiment: Experiment, result: Result) -> tuple[Case, set[int]]:
    item = result.item
    other = None
    if experiment.baseline_id is not None:
        before = Result.objects.filter(experiment_id=experiment.baseline_id, item_id=item.id, is_answered=True)
        other = before.values_list("answer", flat=True).first()
    case = Case(
        answer=result.answer,
        question=item.question,
        inputs=item.inputs,
        outputs=result.outputs,
        expected=item.expected,
        metadata=item.metadata,
        other=other,
    )
    return case, set(ResultScore.objects.filter(result=result).values_list("place", flat=True))


@transaction.atomic
def _keep_judgement(experiment: Experiment, result: Result, place: int, spec: Spec, judgement: Judgement) -> None:
    spent: Spent = judgement.spent
    _keep(result)
    ResultScore.objects.create(
        team_id=experiment.team_id,
        experiment=experiment,
        result=result,
        place=place,
        score=judgement.score,
        passed=None if judgement.score is None else spec.passes(judgement.score),
        label=judgement.label[:60],
        explanation=judgement.explanation,
        details=dict(judgement.details),
        error_code=judgement.error_code[:60],
        error_message=judgement.error_message,
        calls=spent.calls,
        tokens=spent.tokens,
        cost=spent.cost,
    )
    note_spent(experiment.id, spent)


@transaction.atomic
def fail_item(experiment: Experiment, result: Result, *, code: str, message: str) -> None:
    """End an item that cannot be worked on; it counts as one without an answer. Raises NotOurs."""
    result.status = Result.Status.FAILED
    now = timezone.now()
    _keep(
        result,
        status=result.status,
        error_code=code,
        error_message=message,
        finished_at=now,
        lease_until=None,
    )
    score_nought(experiment, result)


def _finish(result: Result) -> None:
    _keep(result, status=Result.Status.DONE, finished_at=timezone.now(), lease_until=None)


def _keep(result: Result, **values: Any) -> None:
    """Write to an item that is still ours. Raises NotOurs."""
    mine = Result.objects.filter(id=result.id, status=Result.Status.RUNNING, lease_owner=result.lease_owner)
    is_ours = mine.update(**values) if values else list(mine.select_for_update().values_list("id"))
    if not is_ours:
        raise NotOurs
