"""`manage.py run_experiment APP SET EVALUATOR...`: measure a version in the foreground, or hand it to the workers."""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import all_team_ids
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.selectors.experiments import evaluators_of, open_experiment, progress_of
from apps.annotations.selectors.golden import golden_sets
from apps.annotations.selectors.measuring import compare_experiments, figures_of
from apps.annotations.services.experiment_turns import take_turn
from apps.annotations.services.experiments import Budget, begin_experiment
from apps.workflows.selectors.applications import open_application
from apps.workflows.services import settle
from support.errors import ConsoleError
from support.redis_client import close_redis


class Command(BaseCommand):
    help = (
        "Ask a version of an app all that a golden set holds and have the answers judged. The last line is the outcome "
        "as JSON. Ends with 1 if it did not come to its end (as when the budget is spent)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", metavar="APP")
        parser.add_argument("golden_set", metavar="SET", help="its name or id")
        parser.add_argument("evaluators", metavar="EVALUATOR", nargs="+", help="names or ids")
        parser.add_argument("--version-number", type=int, default=None, metavar="N", help="default: the draft")
        parser.add_argument("--set-version", type=int, default=None, metavar="N", help="default: the newest")
        parser.add_argument("--name", default="")
        parser.add_argument("--baseline", default="", metavar="EXPERIMENT", help="an earlier one to compare with")
        parser.add_argument("--parallel", type=int, default=4, metavar="N")
        parser.add_argument("--item-seconds", type=int, default=120, metavar="S")
        parser.add_argument("--max-calls", type=int, default=None)
        parser.add_argument("--max-tokens", type=int, default=None)
        parser.add_argument("--max-cost", default=None, metavar="AMOUNT")
        parser.add_argument("--currency", default="USD")
        parser.add_argument("--background", action="store_true", help="hand it to the workers and end")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            experiment, baseline = _begun(options)
        except ConsoleError as exc:
            raise CommandError(exc.message, returncode=2) from exc
        if options["background"]:
            self.stdout.write(json.dumps({"experiment": str(experiment.id), "status": experiment.status}))
            return
        asyncio.run(_to_the_end(experiment.id))
        experiment.refresh_from_db()
        self.stdout.write(json.dumps(outcome_of(experiment, baseline), ensure_ascii=False, default=str))
        if experiment.status != Experiment.Status.DONE:
            raise CommandError(f"The experiment ended as {experiment.status}.", returncode=1)


def outcome_of(experiment: Experiment, baseline: Experiment | None) -> dict[str, Any]:
    """What came out, for programs."""
    body: dict[str, Any] = {
        "experiment": str(experiment.id),
        "status": experiment.status,
        "progress": asdict(progress_of(experiment)),
        "spent": {
            "calls": experiment.calls,
            "tokens": experiment.tokens,
            "cost": experiment.cost,
            "currency": experiment.currency,
            "unpriced_calls": experiment.unpriced_calls,
        },
        "figures": [asdict(each) for each in figures_of(experiment)],
    }
    if baseline is not None:
        body["differences"] = [asdict(each) for each in compare_experiments(baseline, experiment)]
    return body


async def _to_the_end(experiment_id: UUID) -> None:
    try:
        while await take_turn(experiment_id):
            pass
    finally:
        await settle()
        await close_redis()


def _begun(options: dict[str, Any]) -> tuple[Experiment, Experiment | None]:
    application = open_application(options["app"], team_ids=all_team_ids())
    team_ids = [application.team_id]
    baseline = open_experiment(_id(options["baseline"]), team_ids=team_ids) if options["baseline"] else None
    experiment = begin_experiment(
        _named_set(options["golden_set"], team_ids),
        app=application.slug,
        version=options["version_number"],
        evaluators=[_named_evaluator(name, team_ids) for name in options["evaluators"]],
        by=None,
        set_version=options["set_version"],
        name=options["name"],
        budget=Budget(
            calls=options["max_calls"],
            tokens=options["max_tokens"],
            cost=_amount(options["max_cost"]),
            currency=options["currency"],
        ),
        parallel=options["parallel"],
        item_seconds=options["item_seconds"],
        baseline=baseline,
        in_background=options["background"],
    )
    return experiment, baseline


def _named_set(name: str, team_ids: Sequence[UUID]) -> GoldenSet:
    for each in golden_sets(team_ids):
        if name in (each.name, str(each.id)):
            found: GoldenSet = each
            return found
    raise CommandError(f"The app's team has no golden set {name!r}.", returncode=2)


def _named_evaluator(name: str, team_ids: Sequence[UUID]) -> Evaluator:
    for each in evaluators_of(team_ids):
        if name in (each.name, str(each.id)):
            return each
    raise CommandError(f"The app's team has no evaluator {name!r}.", returncode=2)


def _amount(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as exc:
        raise CommandError(f"--max-cost is no amount: {text}", returncode=2) from exc


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise CommandError(f"--baseline is no id of an experiment: {text}", returncode=2) from exc
