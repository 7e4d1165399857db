"""Calibration of evaluators: what people have judged is judged again, and both are kept side by side."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.evaluation.case import Case, Spec
from apps.annotations.models import (
    Assignment,
    Calibration,
    CalibrationCase,
    Evaluator,
    QueueItem,
    Score,
    ScoreConfig,
)
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.services.experiment_items import judge_case
from apps.annotations.services.online import KINDS
from apps.annotations.workbench.answers import Kind
from support.errors import InvalidInput, NotAllowed, NotFound
from support.jobs import enqueue, enqueue_on_commit

TASK = "annotations.calibrate"
MOST_CASES = 500
AT_ONCE = 4
#: Answers of one turn of a worker.
TURN = 40
SECONDS = 60.0
SILENCE = dt.timedelta(minutes=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Human:
    """What people said of one item."""

    label: str
    score: float
    passed: bool


@transaction.atomic
def begin_calibration(
    evaluator: Evaluator, config: ScoreConfig, *, passing: Mapping[str, Any], by: User
) -> Calibration:
    """Have the evaluator judge what people answered this question about, newest first.

    `passing`: `{"categories": [...]}` for categorical questions, `{"at_least": number}` for numbers, or nothing.
    Raises NotFound, NotAllowed, InvalidInput.
    """
    if not teams_of(by).filter(id=evaluator.team_id).exists() or config.team_id != evaluator.team_id:
        raise NotFound(_("There is no such evaluator in your teams."))
    if not may(by, "edit", team_id=evaluator.team_id):
        raise NotAllowed(_("Your role in this team does not include evaluators."))
    if evaluator.kind not in KINDS:
        message = _("This evaluator needs an expected answer, and people's scores have none. Choose a judge or code.")
        raise InvalidInput(message, field="evaluator")
    _check_passing(config, passing)
    found = _labelled(config, passing)
    if not found:
        raise InvalidInput(_("Nobody has answered this question yet. Review some answers first."), field="config")
    calibration = Calibration.objects.create(
        team_id=evaluator.team_id,
        evaluator=evaluator,
        spec=evaluator.as_spec(),
        config=config,
        passing=dict(passing),
        total=len(found),
        created_by=by,
        beat_at=timezone.now(),
    )
    CalibrationCase.objects.bulk_create(
        CalibrationCase(
            team_id=evaluator.team_id,
            calibration=calibration,
            position=position,
            item=item,
            trace_id=item.trace_id,
            question=item.question,
            answer=item.answer,
            inputs=item.inputs,
            human_label=human.label,
            human_score=human.score,
            human_passed=human.passed,
        )
        for position, (item, human) in enumerate(found, start=1)
    )
    enqueue_on_commit(TASK, str(calibration.id))
    return calibration


def calibrate(calibration_id: UUID) -> bool:
    """Judge for one turn; whether there is more. Safe to repeat: what was judged stays."""
    calibration = Calibration.objects.filter(id=calibration_id, status__in=GOING).first()
    if calibration is None:
        return False
    going = Calibration.objects.filter(id=calibration.id, status__in=GOING)
    going.update(status=Job.RUNNING)
    spec = Spec.read(calibration.spec)
    waiting = list(calibration.cases.filter(is_judged=False)[:TURN])
    for start in range(0, len(waiting), AT_ONCE):
        if not going.update(beat_at=timezone.now()):
            return False
        _judge(calibration, waiting[start : start + AT_ONCE], spec)
    if calibration.cases.filter(is_judged=False).exists():
        return True
    going.update(status=Job.DONE, finished_at=timezone.now())
    return False


def go_on_with_calibrations() -> int:
    """Queue what no worker has touched for a while; how many."""
    silent = Calibration.objects.filter(status__in=GOING, beat_at__lt=timezone.now() - SILENCE)
    ids = list(silent.values_list("id", flat=True)[:100])
    Calibration.objects.filter(id__in=ids).update(beat_at=timezone.now())
    for calibration_id in ids:
        enqueue(TASK, str(calibration_id))
    return len(ids)


def _judge(calibration: Calibration, cases: Sequence[CalibrationCase], spec: Spec) -> None:
    async def heard() -> list[Any]:
        asked = (Case(answer=each.answer, question=each.question, inputs=each.inputs) for each in cases)
        team_id = calibration.team_id
        return await asyncio.gather(*(judge_case(case, spec, team_id=team_id, seconds=SECONDS) for case in asked))

    calls = tokens = 0
    for case, said in zip(cases, asyncio.run(heard()), strict=True):
        case.score, case.label, case.explanation = said.score, said.label[:60], said.explanation
        case.passed = None if said.score is None else spec.passes(said.score)
        case.error_code, case.error_message = said.error_code[:60], said.error_message
        case.is_judged = True
        calls, tokens = calls + said.spent.calls, tokens + said.spent.tokens
    fields = ["score", "label", "explanation", "passed", "error_code", "error_message", "is_judged"]
    CalibrationCase.objects.bulk_update(cases, fields)
    Calibration.objects.filter(id=calibration.id).update(calls=F("calls") + calls, tokens=F("tokens") + tokens)


def _labelled(config: ScoreConfig, passing: Mapping[str, Any]) -> list[tuple[QueueItem, Human]]:
    """The newest items with what people said of them; who decided counts before those who disagreed."""
    newest = QueueItem.objects.filter(scores__config=config).exclude(answer="").order_by("-id").distinct()[:MOST_CASES]
    items = {item.id: item for item in newest}
    scores = Score.objects.filter(config=config, item_id__in=list(items)).select_related("assignment").order_by("id")
    by_item: dict[UUID, list[Score]] = {}
    for score in scores:
        by_item.setdefault(score.item_id, []).append(score)
    found = ((items[item_id], human_of(config, given, passing)) for item_id, given in by_item.items())
    return [(item, human) for item, human in found if human is not None]


def human_of(config: ScoreConfig, scores: Sequence[Score], passing: Mapping[str, Any]) -> Human | None:
    """What people said in sum: the decision, else the mean or what most of them said; None where they are split."""
    decided = [each for each in scores if each.assignment.role == Assignment.Role.DECISION]
    given = decided or list(scores)
    if config.kind == Kind.CATEGORICAL:
        (label, count), *others = Counter(each.text for each in given).most_common()
        if others and others[0][1] == count:
            return None
        passed = label in passing["categories"]
        return Human(label=label[:60], score=float(passed), passed=passed)
    numbers = [each.number for each in given if each.number is not None]
    if not numbers:
        return None
    mean = sum(numbers) / len(numbers)
    if config.kind == Kind.BOOLEAN:
        return None if mean == 0.5 else Human(label=str(mean > 0.5), score=float(mean > 0.5), passed=mean > 0.5)
    low, high = config.minimum or 0.0, config.maximum if config.maximum is not None else 1.0
    scaled = min(1.0, max(0.0, (mean - low) / (high - low)))
    return Human(label=f"{mean:g}", score=scaled, passed=mean >= passing["at_least"])


def _check_passing(config: ScoreConfig, passing: Mapping[str, Any]) -> None:
    if config.kind == Kind.CATEGORICAL:
        chosen = passing.get("categories") or []
        if not chosen or not set(chosen) < set(config.categories):
            raise InvalidInput(_("Say which categories count as passed: some, and not all."), field="categories")
    elif config.kind == Kind.NUMERIC:
        if config.minimum is None or config.maximum is None:
            raise InvalidInput(_("A question for a number needs a smallest and a largest one."), field="config")
        if not isinstance(passing.get("at_least"), (int, float)):
            raise InvalidInput(_("Say from which number on an answer counts as passed."), field="at_least")
    elif config.kind != Kind.BOOLEAN:
        raise InvalidInput(
            _("Choose a question that is answered by yes or no, a category, or a number."), field="config"
        )
