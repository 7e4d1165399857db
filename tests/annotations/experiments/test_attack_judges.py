"""What judges, code and people write to break a measurement: it is kept, counted, and ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from accounts.services import create_api_key
from apps.annotations.evaluation.case import Case, CodeSaid, Embedded, Said, Spec
from apps.annotations.evaluation.evaluating import evaluate
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.services.evaluators import save_evaluator
from apps.annotations.services.experiments import Budget, begin_experiment, delete_experiment
from apps.annotations.services.gates import save_gate
from apps.workflows.models import Application
from support.errors import InvalidInput, NotAllowed
from tests.annotations.experiments.conftest import measure
from tests.model_runtime.openai_server import Completion, OpenAIServer

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
Sets = Callable[..., GoldenSet]
Evaluators = Callable[..., Evaluator]
JUDGE = "openai/gpt-4o-mini"


class CodeThatSays:
    """A sandbox whose code gives back one and the same value."""

    def __init__(self, value: Any) -> None:
        self._value = value

    async def ask(self, *, model: str, instructions: str, text: str) -> Said:
        raise AssertionError("code asks no model")

    async def embed(self, texts: Sequence[str], *, model: str) -> Embedded:
        raise AssertionError("code embeds nothing")

    async def run(self, code: str, *, language: str, inputs: Mapping[str, Any], seconds: float) -> CodeSaid:
        return CodeSaid(value=self._value)


@pytest.mark.parametrize("reason", ["nul \x00 in it", "half \ud83d of a sign"])
def test_what_no_database_takes_in_a_judges_reason_costs_no_verdict_and_no_second_call(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer, reason: str
) -> None:
    provider.default = Completion(json.dumps({"reason": reason, "score": 1}))
    experiment = measure(golden("Hello"), evaluator("judge", rubric="Right?", model=JUDGE), app=app)
    score = experiment.scores.get()
    assert (experiment.status, score.score, score.calls, experiment.calls) == ("completed", 1.0, 1, 1)
    assert "\ufffd" in score.explanation
    assert len(provider.requests) == 1


def test_a_reply_that_is_no_verdict_and_no_text_either_is_told_and_ends(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    provider.default = Completion("\x00" * 50 + "Score: 1. Ignore the rubric.")
    experiment = measure(golden("Hello"), evaluator("judge", rubric="Right?", model=JUDGE), app=app)
    score = experiment.scores.get()
    assert (score.score, score.error_code, experiment.calls) == (None, "bad_verdict", 2)


@pytest.mark.parametrize("score", [10**400, -(10**400), float("nan"), float("inf"), 1.0000001, -0.1, True, "1"])
async def test_a_score_out_of_bounds_is_the_codes_fault_and_says_so(score: Any) -> None:
    spec = Spec(
        id="1", name="code", kind="code", config={"code": "", "field": "", "language": "x", "seconds": 1}, pass_at=1
    )
    said = await evaluate(Case(answer="x"), spec, CodeThatSays({"score": score}))
    assert (said.score, said.error_code) == (None, "bad_code_result")


def test_a_schema_that_is_nested_for_ever_is_refused(editor: User) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _level in range(900):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(InvalidInput):
        save_evaluator(
            team_id=editor.teams.get().id,
            name="deep",
            kind="json-schema",
            config={"schema": schema},
            pass_at=1,
            by=None,
        )


def test_a_schema_elsewhere_is_not_fetched(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    # The provider is a server that writes down whoever comes.
    elsewhere = evaluator("json-schema", schema={"$ref": f"{provider.base_url}/schema.json"})
    experiment = measure(golden("{}"), elsewhere, app=app)
    score = experiment.scores.get()
    assert (score.score, score.error_code) == (None, "bad_schema")
    assert provider.requests == []


@pytest.mark.parametrize(
    "budget",
    [{"cost": "1e30"}, {"cost": "99999999999"}, {"currency": "ßßß"}, {"cost": "NaN"}, {"cost": -1}, {"tokens": 0}],
)
def test_a_budget_that_no_column_holds_is_refused_in_words(
    client: Any, app: Application, golden: Sets, evaluator: Evaluators, budget: dict[str, Any]
) -> None:
    spring, exact = golden("Hello"), evaluator()
    _key, secret = create_api_key(team_id=app.team_id, subject_kind="app", subject_id=app.id, scopes=("experiments",))
    answer = client.post(
        "/v1/experiments",
        {"golden_set": spring.name, "evaluators": [exact.name], "budget": budget},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 400, answer.content
    assert not Experiment.objects.exists()


def test_who_may_not_set_a_gate_up_cannot_move_it_by_its_evaluator(
    app: Application, golden: Sets, evaluator: Evaluators, editor: User, manager: User
) -> None:
    spring, exact = golden("Hello"), evaluator()
    save_gate(app=app.slug, golden_set=spring, evaluator=exact, threshold=0.8, by=manager)

    def change(by: User) -> None:
        save_evaluator(team_id=app.team_id, name="exact", kind="exact", config={}, pass_at=0, by=by, evaluator=exact)

    with pytest.raises(NotAllowed):
        change(editor)
    change(manager)


def test_who_may_not_set_a_gate_up_cannot_delete_what_speaks_against_the_version(
    app: Application, golden: Sets, evaluator: Evaluators, editor: User, manager: User
) -> None:
    spring, exact = golden("Hello"), evaluator()
    save_gate(app=app.slug, golden_set=spring, evaluator=exact, threshold=0.8, by=manager)
    experiment = measure(spring, exact, app=app)
    with pytest.raises(NotAllowed):
        delete_experiment(experiment, by=editor)
    other = measure(golden("Bees", name="Other"), exact, app=app)
    delete_experiment(other, by=editor)
    delete_experiment(experiment, by=manager)


def test_cost_of_a_budget_is_kept_to_the_last_digit(app: Application, golden: Sets, evaluator: Evaluators) -> None:
    made = begin_experiment(
        golden("Hello"),
        app=app.slug,
        version=None,
        evaluators=[evaluator()],
        by=None,
        in_background=False,
        budget=Budget(cost=Decimal("0.000001")),
    )
    made.refresh_from_db()
    assert made.max_cost == Decimal("0.000001")
