"""Experiments over the service API: programs measure a draft before they publish it."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.models import Evaluator, Experiment, GoldenSet, Result
from apps.annotations.selectors.experiments import (
    evaluators_of,
    experiments_of,
    open_experiment,
    progress_of,
    results_of,
)
from apps.annotations.selectors.golden import golden_sets
from apps.annotations.selectors.measuring import Difference, Figure, compare_experiments, figures_of
from apps.annotations.services.experiments import Budget, begin_experiment, retry_experiment, stop_experiment
from apps.workflows.api.views import ServiceView, body_of, number_of, page_limit
from support.errors import InvalidInput, NotFound

MOST_ROWS = 101
MOST_NUMBER = 2_000_000_000
_SHOWN = ("all", "failed", "missed", "passed", "unscored", "waiting", "worse", "better")
_KNOWN = frozenset(
    {"golden_set", "set_version", "version", "evaluators", "name", "budget", "parallel", "item_seconds", "baseline"}
)


class ExperimentsView(ServiceView):
    """What the views of experiments share: the experiments of the key's app."""

    scope = "experiments"

    def opened(self, experiment_id: UUID) -> Experiment:
        """An experiment of the app. Raises NotFound."""
        application = self.application()
        found = open_experiment(experiment_id, team_ids=[application.team_id])
        if found.application_id != application.id:
            raise NotFound("There is no such experiment of this app.")
        return found


class Experiments(ExperimentsView):
    """GET and POST /v1/experiments."""

    def get(self, request: Request) -> Response:
        application, limit = self.application(), page_limit(request, most=MOST_ROWS)
        found = experiments_of([application.team_id], application_id=application.id)
        if before := request.query_params.get("last_id"):
            found = found.filter(id__lt=_uuid(before, "last_id"))
        rows = list(found[: limit + 1])
        data = [experiment_body(row) for row in rows[:limit]]
        return Response({"data": data, "has_more": len(rows) > limit, "limit": limit})

    def post(self, request: Request) -> Response:
        application, body = self.application(), body_of(request)
        for name in body:
            if name not in _KNOWN:
                raise InvalidInput(
                    f"There is no setting {name!r}. Known: {', '.join(sorted(_KNOWN))}.", path=f"/{name}"
                )
        team_id = application.team_id
        baseline = body.get("baseline")
        experiment = begin_experiment(
            _golden_set(body.get("golden_set"), team_id),
            app=application.slug,
            version=_whole(body, "version"),
            evaluators=_evaluators(body.get("evaluators"), team_id),
            by=None,
            set_version=_whole(body, "set_version"),
            name=_text(body.get("name", ""), "name"),
            budget=_budget(body.get("budget") or {}),
            parallel=_whole(body, "parallel", otherwise=4) or 4,
            item_seconds=_whole(body, "item_seconds", otherwise=120) or 120,
            baseline=self.opened(_uuid(baseline, "baseline")) if baseline else None,
        )
        return Response(experiment_body(self.opened(experiment.id)), status=201)


class ExperimentDetail(ExperimentsView):
    """GET /v1/experiments/<id>: how far it is and its figures; `against=<id>` adds the differences from another."""

    def get(self, request: Request, experiment_id: UUID) -> Response:
        experiment = self.opened(experiment_id)
        body = experiment_body(experiment)
        body["progress"] = asdict(progress_of(experiment))
        body["figures"] = [figure_body(each) for each in figures_of(experiment)]
        if against := request.query_params.get("against"):
            other = self.opened(_uuid(against, "against"))
            body["differences"] = [difference_body(each) for each in compare_experiments(other, experiment)]
        return Response(body)


class ExperimentResults(ExperimentsView):
    """GET /v1/experiments/<id>/results: items by number, those after `after`."""

    def get(self, request: Request, experiment_id: UUID) -> Response:
        experiment, asked = self.opened(experiment_id), request.query_params
        shown: Any = asked.get("shown", "all")
        if shown not in _SHOWN:
            raise InvalidInput(f"shown is one of: {', '.join(_SHOWN)}.", path="/shown")
        other = asked.get("against")
        limit = page_limit(request, most=MOST_ROWS)
        after = asked.get("after", "0")
        rows = results_of(
            experiment,
            shown=shown,
            against=self.opened(_uuid(other, "against")) if other else None,
            after=0 if after == "0" else number_of(after, name="after", most=MOST_NUMBER),
            size=limit + 1,
        )
        data = [result_body(row, experiment) for row in rows[:limit]]
        return Response({"data": data, "has_more": len(rows) > limit, "limit": limit})


class StopExperiment(ExperimentsView):
    """POST /v1/experiments/<id>/stop."""

    def post(self, request: Request, experiment_id: UUID) -> Response:
        return Response(experiment_body(stop_experiment(self.opened(experiment_id), by=None)))


class RetryExperiment(ExperimentsView):
    """POST /v1/experiments/<id>/retry: ask again what failed, was left out, or could not be judged."""

    def post(self, request: Request, experiment_id: UUID) -> Response:
        budget = body_of(request).get("budget")
        experiment = self.opened(experiment_id)
        count = retry_experiment(experiment, by=None, budget=None if budget is None else _budget(budget))
        return Response({**experiment_body(self.opened(experiment.id)), "items_again": count})


def experiment_body(experiment: Experiment) -> dict[str, Any]:
    """An experiment in the wire's shape."""
    return {
        "id": str(experiment.id),
        "number": experiment.number,
        "name": experiment.name,
        "status": experiment.status,
        "error": experiment.error,
        "version": experiment.version.number,
        "golden_set": {"id": str(experiment.golden_set_id), "name": experiment.golden_set.name},
        "set_version": experiment.set_version,
        "evaluators": [{name: spec[name] for name in ("id", "name", "kind", "pass_at")} for spec in experiment.specs],
        "baseline": str(experiment.baseline_id) if experiment.baseline_id else None,
        "total": experiment.total,
        "budget": {
            "calls": experiment.max_calls,
            "tokens": experiment.max_tokens,
            "cost": _digits(experiment.max_cost),
            "currency": experiment.currency,
        },
        "spent": {
            "calls": experiment.calls,
            "tokens": experiment.tokens,
            "cost": _digits(experiment.cost),
            "currency": experiment.currency,
            "unpriced_calls": experiment.unpriced_calls,
        },
        "created_at": int(experiment.created_at.timestamp()),
        "finished_at": int(experiment.finished_at.timestamp()) if experiment.finished_at else None,
    }


def figure_body(figure: Figure) -> dict[str, Any]:
    """A figure with its intervals."""
    return asdict(figure)


def difference_body(difference: Difference) -> dict[str, Any]:
    """A difference with its intervals and whether it is more than chance."""
    return {**asdict(difference), "is_significant": difference.is_significant}


def result_body(result: Result, experiment: Experiment) -> dict[str, Any]:
    """What the app answered to an item, and what each evaluator says of it."""
    return {
        "number": result.number,
        "status": result.status,
        "question": result.item.question,
        "inputs": result.item.inputs,
        "expected": result.item.expected,
        "answer": result.answer,
        "outputs": result.outputs,
        "run_id": str(result.run_id) if result.run_id else None,
        "error": {"code": result.error_code, "message": result.error_message} if result.error_code else None,
        "scores": [
            {
                "evaluator": experiment.specs[score.place]["name"],
                "score": score.score,
                "passed": score.passed,
                "label": score.label,
                "explanation": score.explanation,
                "error": {"code": score.error_code, "message": score.error_message} if score.error_code else None,
            }
            for score in result.scores.all()
        ],
    }


def _golden_set(given: Any, team_id: UUID) -> GoldenSet:
    for each in golden_sets([team_id]):
        if isinstance(given, str) and given in (each.name, str(each.id)):
            found: GoldenSet = each
            return found
    raise NotFound("The team has no such golden set. Send its name or id.", path="/golden_set")


def _evaluators(given: Any, team_id: UUID) -> list[Evaluator]:
    if not isinstance(given, list):
        raise InvalidInput("evaluators must be a list of names or ids.", path="/evaluators")
    known = list(evaluators_of([team_id]))
    by_name = {each.name: each for each in known} | {str(each.id): each for each in known}
    for name in given:
        if not isinstance(name, str) or name not in by_name:
            raise NotFound(f"The team has no evaluator {str(name)[:80]!r}.", path="/evaluators")
    return [by_name[name] for name in given]


def _budget(given: Any) -> Budget:
    if not isinstance(given, dict):
        raise InvalidInput("budget must be an object.", path="/budget")
    cost = given.get("cost")
    try:
        amount = None if cost is None else Decimal(str(cost))
    except InvalidOperation as exc:
        raise InvalidInput("budget.cost must be an amount.", path="/budget/cost") from exc
    if amount is not None and not amount.is_finite():
        raise InvalidInput("budget.cost must be an amount.", path="/budget/cost")
    return Budget(
        calls=_whole(given, "calls"),
        tokens=_whole(given, "tokens"),
        cost=amount,
        currency=_text(given.get("currency", "USD"), "currency"),
    )


def _whole(body: dict[str, Any], name: str, *, otherwise: int | None = None) -> int | None:
    value = body.get(name, otherwise)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_NUMBER):
        raise InvalidInput(f"{name} must be a whole number.", path=f"/{name}")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a string.", path=f"/{name}")
    return value.replace("\x00", "")


def _uuid(value: Any, name: str) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as exc:
        raise InvalidInput(f"{name} must be an id.", path=f"/{name}") from exc


def _digits(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
