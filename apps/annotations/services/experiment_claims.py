"""Which item of an experiment is next, for whom, and whether there is money left for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.evaluation.case import Spent
from apps.annotations.models import Experiment, Result, ResultScore
from apps.annotations.services.experiments import GOING, TASK, end_experiment
from support.jobs import enqueue

#: An item whose worker has not been heard of for so long is somebody else's.
LEASE = dt.timedelta(seconds=45)
#: An item that so many workers died of is not tried again.
MOST_OWNERS = 3
_OVER = (Result.Status.DONE, Result.Status.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """There is nothing to take now; `is_over`: and nothing will come."""

    is_over: bool


@transaction.atomic
def claim_item(experiment_id: UUID, *, owner: str) -> Result | Nothing:
    """The next item, for this owner. An experiment without items, or without money for the next, is closed."""
    experiment = Experiment.objects.select_for_update(of=("self",)).filter(id=experiment_id).first()
    if experiment is None or experiment.status not in GOING:
        return Nothing(is_over=True)
    now = timezone.now()
    results = experiment.results
    under_way = results.filter(status=Result.Status.RUNNING, lease_until__gte=now).count()
    if under_way >= _places(experiment):
        return Nothing(is_over=False)
    free = Q(status=Result.Status.WAITING) | Q(status=Result.Status.RUNNING, lease_until__lt=now)
    result = results.select_for_update(of=("self",)).select_related("item").filter(free).order_by("number").first()
    if result is None:
        return Nothing(is_over=not under_way and _close(experiment, status=Experiment.Status.DONE))
    # What was answered before its worker died is paid for already.
    if not result.is_answered and not _has_money(experiment, under_way):
        return Nothing(is_over=not under_way and _close(experiment, status=Experiment.Status.SPENT))
    if result.attempts >= MOST_OWNERS:
        _give_up(experiment, result)
        return Nothing(is_over=False)
    if experiment.status == Experiment.Status.QUEUED:
        experiment.status, experiment.started_at = Experiment.Status.RUNNING, experiment.started_at or now
    experiment.beat_at = now
    experiment.save(update_fields=["status", "started_at", "beat_at"])
    result.status, result.attempts = Result.Status.RUNNING, result.attempts + 1
    result.lease_owner, result.lease_until, result.started_at = owner, now + LEASE, result.started_at or now
    result.save(update_fields=["status", "attempts", "lease_owner", "lease_until", "started_at"])
    return result


def renew(experiment_id: UUID, *, owner: str) -> bool:
    """Say that the owner is alive; whether the experiment goes on."""
    now = timezone.now()
    mine = Result.objects.filter(experiment_id=experiment_id, status=Result.Status.RUNNING, lease_owner=owner)
    mine.update(lease_until=now + LEASE)
    return bool(Experiment.objects.filter(id=experiment_id, status__in=GOING).update(beat_at=now))


def hand_back(experiment_id: UUID, *, owner: str) -> None:
    """What the owner leaves unfinished is free at once."""
    mine = Result.objects.filter(experiment_id=experiment_id, status=Result.Status.RUNNING, lease_owner=owner)
    mine.update(lease_until=timezone.now() - dt.timedelta(seconds=1), attempts=F("attempts") - 1)


def note_spent(experiment_id: UUID, spent: Spent) -> None:
    """Count what was spent, in the transaction that keeps what it was spent on."""
    experiment = Experiment.objects.filter(id=experiment_id)
    currency = experiment.values_list("currency", flat=True).get()
    is_ours = spent.cost is not None and spent.currency == currency
    experiment.update(
        calls=F("calls") + spent.calls,
        tokens=F("tokens") + spent.tokens,
        cost=F("cost") + (spent.cost if is_ours and spent.cost is not None else Decimal(0)),
        unpriced_calls=F("unpriced_calls") + (spent.unpriced if is_ours else spent.calls),
    )


def go_on_with_experiments() -> int:
    """Queue experiments that no worker has been heard of; how many."""
    silent = Experiment.objects.filter(status__in=GOING, beat_at__lt=timezone.now() - LEASE)
    ids = list(silent.order_by("id").values_list("id", flat=True)[:100])
    for experiment_id in ids:
        enqueue(TASK, str(experiment_id))
    return len(ids)


def _places(experiment: Experiment) -> int:
    """How many items may be under way. Nobody knows what one costs before the first is over: it is asked alone."""
    budgets = (experiment.max_calls, experiment.max_tokens, experiment.max_cost)
    if all(each is None for each in budgets) or experiment.results.filter(status__in=_OVER).exists():
        return experiment.parallel
    return 1


def _has_money(experiment: Experiment, under_way: int) -> bool:
    """Whether the budget lasts for those under way and for one more, each as dear as they have been on average."""
    over = experiment.results.filter(status__in=_OVER).count()
    # The average of those that are over, kept on the high side by what others have spent so far.
    expected = (under_way + 1) / over if over else 0
    for most, spent in (
        (experiment.max_calls, experiment.calls),
        (experiment.max_tokens, experiment.tokens),
        (experiment.max_cost, experiment.cost),
    ):
        if most is not None and (spent >= most or float(spent) * (1 + expected) > float(most) + 1e-9):
            return False
    return True


def _close(experiment: Experiment, *, status: str) -> bool:
    end_experiment(experiment, status=status)
    return True


def _give_up(experiment: Experiment, result: Result) -> None:
    """An item that kills whoever takes it counts as one without an answer."""
    result.status, result.finished_at = Result.Status.FAILED, timezone.now()
    result.lease_owner, result.lease_until = "", None
    result.error_code = "worker_lost"
    result.error_message = _("Its workers died %(times)d times.") % {"times": result.attempts}
    result.save()
    score_nought(experiment, result)


def score_nought(experiment: Experiment, result: Result) -> None:
    """Who gives no answer gets nothing for it, from every evaluator."""
    ResultScore.objects.filter(result=result).delete()
    ResultScore.objects.bulk_create(
        ResultScore(
            team_id=experiment.team_id,
            experiment=experiment,
            result=result,
            place=place,
            score=0.0,
            passed=spec["pass_at"] <= 0,
            label="failed",
        )
        for place, spec in enumerate(experiment.specs)
    )
