"""Evaluations as rows: asked for on a page, worked on in pieces by a worker, gone on with when a worker dies."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, Evaluation
from apps.datasets.services.evaluate import MAX_VARIANTS, Measured, Question, Variant, measure, summary
from support.errors import ConsoleError, InvalidInput
from support.jobs import enqueue_on_commit

logger = logging.getLogger(__name__)

PIECE_SECONDS = 60.0
LEASE = dt.timedelta(seconds=90)
#: Progress is written once for so many searches.
EVERY = 25


def start_evaluation(
    dataset: Dataset, *, name: str, questions: Sequence[Question], variants: Sequence[Variant], by: Any = None
) -> Evaluation:
    """Keep what is to be measured and let a worker begin. Raises InvalidInput."""
    if not 1 <= len(variants) <= MAX_VARIANTS:
        raise InvalidInput(_("An evaluation compares 1 to %(most)s ways of searching.") % {"most": MAX_VARIANTS})
    evaluation = Evaluation.objects.create(
        team_id=dataset.team_id,
        dataset=dataset,
        name=name.strip()[:200] or "questions.jsonl",
        questions=[{"id": each.id, "text": each.text, "relevant": dict(each.relevant)} for each in questions],
        variants=[asdict(variant) for variant in variants],
        total=len(questions) * len(variants),
        created_by=by,
    )
    enqueue_on_commit("datasets.evaluate", str(evaluation.id))
    return evaluation


def work_on(evaluation_id: UUID, *, seconds: float = PIECE_SECONDS) -> bool:
    """Measure for a while; returns whether there is more to do. Safe to call twice at the same time."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    claim = Evaluation.objects.filter(
        free, id=evaluation_id, state__in=(Evaluation.State.WAITING, Evaluation.State.RUNNING)
    )
    if not claim.update(lease_until=now + LEASE, state=Evaluation.State.RUNNING):
        return False
    evaluation = Evaluation.objects.select_related("dataset").get(id=evaluation_id)
    measured = _measured_so_far(evaluation)
    before = _done(measured)
    try:
        return _work(evaluation, measured, until=time.monotonic() + seconds)
    except SoftTimeLimitExceeded:
        # What was measured is kept, and the next piece goes on: unless one question alone is too much for a worker.
        if _done(measured) > before:
            return _note(evaluation, measured, last=True)
        _end(evaluation, state=Evaluation.State.ERROR, error=_("One question took longer than a worker may."))
    except ConsoleError as exc:
        _end(evaluation, state=Evaluation.State.ERROR, error=exc.message)
    except Exception:  # the border of an evaluation: none is left running for ever
        logger.exception("evaluation %s failed", evaluation_id)
        _end(evaluation, state=Evaluation.State.ERROR, error=_("Something went wrong on our side."))
    return False


def unfinished_evaluations() -> list[UUID]:
    """Those that nobody works on: a worker died, or a message was lost."""
    waiting = Evaluation.objects.filter(state__in=(Evaluation.State.WAITING, Evaluation.State.RUNNING))
    old = timezone.now() - dt.timedelta(seconds=30)
    idle = waiting.filter(Q(lease_until=None, created_at__lt=old) | Q(lease_until__lt=timezone.now()))
    return list(idle.values_list("id", flat=True))


def delete_evaluation(evaluation: Evaluation) -> None:
    """Remove it; a worker that is at it stops at its next note of progress."""
    evaluation.delete()


def _work(evaluation: Evaluation, measured: Sequence[Measured], *, until: float) -> bool:
    questions = [Question(**each) for each in evaluation.questions]
    for each in measured:
        for question in questions[each.done :]:
            measure(each, team_id=evaluation.team_id, dataset=str(evaluation.dataset_id), question=question)
            done = _done(measured)
            late = time.monotonic() > until
            if (late or done % EVERY == 0) and not _note(evaluation, measured, last=late):
                return False
            if late and done < evaluation.total:
                return True
    _note(evaluation, measured, last=True)
    Evaluation.objects.filter(id=evaluation.id).update(summary=summary(measured))
    _end(evaluation, state=Evaluation.State.READY)
    return False


def _measured_so_far(evaluation: Evaluation) -> list[Measured]:
    variants = [Variant.read(each) for each in evaluation.variants]
    kept = evaluation.results or [{} for _ in variants]
    return [Measured(variant=variant, **stored) for variant, stored in zip(variants, kept, strict=True)]


def _done(measured: Sequence[Measured]) -> int:
    return sum(each.done for each in measured)


def _note(evaluation: Evaluation, measured: Sequence[Measured], *, last: bool) -> bool:
    """Write the progress down; false when the evaluation is gone. The numbers themselves are kept at the end only."""
    changes: dict[str, Any] = {
        "done": _done(measured),
        "lease_until": None if last else timezone.now() + LEASE,
    }
    if last:
        changes["results"] = [
            {"values": each.values, "elapsed_ms": each.elapsed_ms, "failed_reranks": each.failed_reranks}
            for each in measured
        ]
    return bool(Evaluation.objects.filter(id=evaluation.id).update(**changes))


def _end(evaluation: Evaluation, *, state: str, error: str = "") -> None:
    Evaluation.objects.filter(id=evaluation.id).update(
        state=state, error=error, lease_until=None, finished_at=timezone.now()
    )
