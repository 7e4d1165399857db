"""Experiments as rows: begun, stopped, tried again, deleted. What a worker does with them is in `experiment_turns`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.models import Evaluator, Experiment, GoldenSet, PublishGate, Result, ResultScore
from apps.annotations.models.experiment import LONGEST_ITEM_S, MOST_AT_ONCE
from apps.annotations.selectors.golden import items_of
from apps.annotations.services.experiment_prices import require_prices
from apps.workflows.selectors.applications import version_to_measure
from apps.workflows.services import stop_measured
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound
from support.jobs import enqueue_on_commit

TASK = "annotations.work_on_experiment"
MOST_EVALUATORS = 20
#: What a column of the database holds, of all three kinds.
MOST_OF_BUDGET = 2_147_483_647
BATCH = 500
GOING = (Experiment.Status.QUEUED, Experiment.Status.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an experiment may spend at most; None: as much as it takes."""

    calls: int | None = None
    tokens: int | None = None
    cost: Decimal | None = None
    currency: str = "USD"

    def as_columns(self) -> dict[str, Any]:
        """As the experiment keeps it. Raises InvalidInput."""
        for name, value in (("max_calls", self.calls), ("max_tokens", self.tokens), ("max_cost", self.cost)):
            if value is not None and value <= 0:
                raise InvalidInput(_("A budget is above zero, or left empty."), field=name)
            if value is not None and value >= MOST_OF_BUDGET:
                raise InvalidInput(_("This budget is too large. Leave it empty for one without end."), field=name)
        if len(self.currency) != 3 or not (self.currency.isascii() and self.currency.isalpha()):
            raise InvalidInput(_("A currency has three letters, such as USD."), field="currency")
        columns = {"max_calls": self.calls, "max_tokens": self.tokens, "max_cost": self.cost}
        return {**columns, "currency": self.currency.upper()}


@transaction.atomic
def begin_experiment(
    golden_set: GoldenSet,
    *,
    app: str,
    version: int | None,
    evaluators: Sequence[Evaluator],
    by: User | None,
    set_version: int | None = None,
    name: str = "",
    budget: Budget | None = None,
    parallel: int = 4,
    item_seconds: int = 120,
    baseline: Experiment | None = None,
    in_background: bool = True,
) -> Experiment:
    """Ask a version of an app (None: its draft) all that a version of the set holds (None: the newest).

    `by` is None for programs and the shell, which have shown elsewhere that they may. Without `in_background` the
    caller works on it (`experiment_turns.take_turn`). Raises NotFound, NotAllowed, InvalidInput, UnpricedModel.
    """
    team_id = golden_set.team_id
    if by is not None:
        require_right(by, team_id)
    measured = version_to_measure(app, version, team_ids=[team_id])
    number = golden_set.version if set_version is None else set_version
    items = list(items_of(golden_set, number).values_list("id", "number"))
    if not items:
        raise InvalidInput(_("This version of the golden set has no items. Add some first."), field="golden_set")
    _check_settings(evaluators, team_id=team_id, parallel=parallel, item_seconds=item_seconds)
    _check_baseline(baseline, golden_set=golden_set, evaluators=evaluators)
    specs = [each.as_spec() for each in evaluators]
    columns = _columns_of(budget or Budget(), version=measured, specs=specs, team_id=team_id)
    experiment = Experiment.objects.create(
        team_id=team_id,
        number=_take_number(golden_set),
        name=name.strip()[:120] or f"{measured.application.name} v{measured.number}",
        application_id=measured.application_id,
        version_id=measured.id,
        golden_set=golden_set,
        set_version=number,
        evaluators=specs,
        baseline=baseline,
        parallel=parallel,
        item_seconds=item_seconds,
        total=len(items),
        created_by=by,
        beat_at=timezone.now(),
        **columns,
    )
    rows = (
        Result(team_id=team_id, experiment=experiment, item_id=item_id, number=item_number)
        for item_id, item_number in items
    )
    Result.objects.bulk_create(rows, batch_size=BATCH)
    if in_background:
        enqueue_on_commit(TASK, str(experiment.id))
    return experiment


def stop_experiment(experiment: Experiment, *, by: User | None) -> Experiment:
    """End it; what came out until now is kept. Harmless for one that is over. Raises NotFound, NotAllowed."""
    if by is not None:
        require_right(by, experiment.team_id)
    with transaction.atomic():
        locked = Experiment.objects.select_for_update().get(id=experiment.id)
        if locked.is_over:
            return locked
        end_experiment(locked, status=Experiment.Status.STOPPED)
        under_way = locked.results.filter(status=Result.Status.RUNNING)
        run_ids = [run_id for run_id in under_way.values_list("run_id", flat=True) if run_id is not None]
        under_way.update(status=Result.Status.LEFT_OUT, lease_owner="", lease_until=None)
    stop_measured(run_ids)
    return locked


@transaction.atomic
def retry_experiment(experiment: Experiment, *, by: User | None, budget: Budget | None = None) -> int:
    """Ask again what failed or was left out, and have judged again what could not be; how many items.

    A `budget` replaces the one it had; what was spent counts. Raises NotFound, NotAllowed, Conflict, UnpricedModel.
    """
    if by is not None:
        require_right(by, experiment.team_id)
    locked = Experiment.objects.select_for_update().get(id=experiment.id)
    if not locked.is_over:
        raise Conflict(_("The experiment is still going on."))
    failed = locked.results.filter(status__in=[Result.Status.FAILED, Result.Status.LEFT_OUT])
    mute = ResultScore.objects.filter(experiment=locked, score=None)
    unjudged = locked.results.filter(Exists(mute.filter(result=OuterRef("pk"))), status=Result.Status.DONE)
    # What failed has scores of nought; what is asked anew has none.
    ResultScore.objects.filter(result__in=failed).delete()
    ids = [*failed.values_list("id", flat=True), *unjudged.values_list("id", flat=True)]
    mute.delete()
    if not ids:
        return 0
    again: dict[str, Any] = {
        "run_id": None,
        "error_code": "",
        "error_message": "",
        "answer": "",
        "outputs": {},
        "elapsed": None,
    }
    locked.results.filter(id__in=ids, is_answered=False).update(**again)
    locked.results.filter(id__in=ids).update(status=Result.Status.WAITING, attempts=0, finished_at=None)
    columns: dict[str, Any] = {}
    if budget is not None:
        columns = _columns_of(budget, version=locked.version, specs=locked.specs, team_id=locked.team_id)
    columns |= {"status": Experiment.Status.QUEUED, "finished_at": None, "error": "", "beat_at": timezone.now()}
    Experiment.objects.filter(id=locked.id).update(**columns)
    enqueue_on_commit(TASK, str(locked.id))
    return len(ids)


def delete_experiment(experiment: Experiment, *, by: User) -> None:
    """Remove it with its results; the runs and their traces stay. Raises NotFound, NotAllowed, Conflict.

    Gates go by the newest experiment: before one, who may not set gates up does not delete what speaks against a
    version.
    """
    require_right(by, experiment.team_id)
    before_gate = PublishGate.objects.filter(
        application_id=experiment.application_id, golden_set_id=experiment.golden_set_id, is_enabled=True
    )
    if before_gate.exists() and not may(by, "manage", team_id=experiment.team_id):
        raise NotAllowed(_("A publish gate goes by this experiment: only those who manage the team delete it."))
    if not experiment.is_over:
        raise Conflict(_("The experiment is still going on. Stop it first."))
    experiment.delete()


def _take_number(golden_set: GoldenSet) -> int:
    """The number of the next experiment on a set. Who takes one at the same time waits for this to be committed."""
    number: int = GoldenSet.objects.select_for_update().values_list("next_experiment", flat=True).get(id=golden_set.id)
    GoldenSet.objects.filter(id=golden_set.id).update(next_experiment=number + 1)
    return number


def end_experiment(experiment: Experiment, *, status: str, error: str = "") -> None:
    """Close a locked experiment; what was not begun is left out."""
    experiment.results.filter(status=Result.Status.WAITING).update(status=Result.Status.LEFT_OUT)
    experiment.status, experiment.error, experiment.finished_at = status, error, timezone.now()
    experiment.save(update_fields=["status", "error", "finished_at"])


def require_right(user: User, team_id: UUID) -> None:
    """Who measures apps edits them. Raises NotFound, NotAllowed."""
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such experiment in your teams."))
    if not may(user, "edit", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include experiments."))


def _columns_of(budget: Budget, *, version: Any, specs: Sequence[Mapping[str, Any]], team_id: UUID) -> dict[str, Any]:
    """The budget as the experiment keeps it. Money alone is no end where it counts nothing. Raises InvalidInput."""
    columns = budget.as_columns()
    if budget.cost is not None and budget.calls is None and budget.tokens is None:
        require_prices(version, specs, team_id=team_id, currency=columns["currency"])
    return columns


def _check_settings(evaluators: Sequence[Evaluator], *, team_id: UUID, parallel: int, item_seconds: int) -> None:
    if not 1 <= len(evaluators) <= MOST_EVALUATORS:
        message = _("An experiment has 1 to %(most)d evaluators.") % {"most": MOST_EVALUATORS}
        raise InvalidInput(message, field="evaluators")
    if any(each.team_id != team_id for each in evaluators):
        raise NotFound(_("There is no such evaluator in your teams."))
    if len({each.id for each in evaluators}) < len(evaluators):
        raise InvalidInput(_("Each evaluator can be used once."), field="evaluators")
    if not 1 <= parallel <= MOST_AT_ONCE:
        raise InvalidInput(_("1 to %(most)d items are asked at once.") % {"most": MOST_AT_ONCE}, field="parallel")
    if not 1 <= item_seconds <= LONGEST_ITEM_S:
        message = _("An item may take 1 to %(most)d seconds.") % {"most": LONGEST_ITEM_S}
        raise InvalidInput(message, field="item_seconds")


def _check_baseline(baseline: Experiment | None, *, golden_set: GoldenSet, evaluators: Sequence[Evaluator]) -> None:
    if baseline is None:
        if any(each.kind == Evaluator.Kind.PAIRWISE for each in evaluators):
            message = _("An evaluator that compares answers needs an experiment to compare with.")
            raise InvalidInput(message, field="baseline")
    elif baseline.golden_set_id != golden_set.id or not baseline.is_over:
        message = _("Compare with an experiment on the same golden set that is over.")
        raise InvalidInput(message, field="baseline")
