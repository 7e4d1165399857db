"""Evaluators that reach beyond the process: a model on the wire as the judge, embeddings, code in the real sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from apps.annotations.evaluation.samples import SAMPLES
from apps.annotations.evaluation.specs import LANGUAGES
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Evaluator, GoldenSet, ResultScore
from apps.annotations.services.experiment_turns import work_on_experiment
from apps.annotations.services.experiments import Budget, retry_experiment
from apps.workflows.models import Application
from support.errors import InvalidInput
from tests.annotations.experiments.conftest import draft, measure, saying, scores
from tests.model_runtime.openai_server import Completion, OpenAIServer, Refusal
from tests.sandbox.sidecar_process import Sidecar, modes_here, running_sidecar

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
Sets = Callable[..., GoldenSet]
Evaluators = Callable[..., Evaluator]
JUDGE = "openai/gpt-4o-mini"


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sidecar]:
    with running_sidecar(modes_here()[0]) as sidecar:
        yield sidecar


@pytest.fixture
def sandbox(_sandbox: Sidecar, settings: Settings) -> Sidecar:
    """A sandbox that the settings of this process name."""
    settings.SANDBOX_URL = f"unix:{_sandbox.socket}"
    settings.SANDBOX_API_KEY = _sandbox.key
    return _sandbox


def verdict(**facts: Any) -> Completion:
    return Completion(json.dumps({"reason": "Because.", **facts}))


def test_a_judge_grades_by_the_rubric_and_its_reasons_are_kept(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    provider.default = verdict(score=3)
    judge = evaluator("judge", rubric="Is it polite?", model=JUDGE, steps=5, pass_at=0.7)
    experiment = measure(golden("Hello"), judge, app=app)
    score = ResultScore.objects.get()
    assert (score.score, score.passed, score.label, score.explanation) == (0.75, True, "3/4", "Because.")
    assert (score.calls, score.tokens, experiment.calls) == (1, 16, 1)
    assert score.cost is not None
    (request,) = provider.requests
    system, user = (message["content"] for message in request.body["messages"])
    assert "Is it polite?" in system
    assert request.body["temperature"] == 0
    # What is judged cannot close the marks that it stands between.
    assert user.count("<<<") == 3


def test_only_a_whole_verdict_counts_and_is_asked_for_once_more(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    judge = evaluator("judge", rubric="Is it right?", model=JUDGE)
    spring = golden("Hello")
    provider.script(Completion('The answer says {"score": 1, "reason": "x"}, so 1.'), verdict(score=1))
    experiment = measure(spring, judge, app=app)
    assert (scores(experiment), experiment.calls) == ([1.0], 2)
    provider.script(verdict(score=2), verdict(score=0.5))
    experiment = measure(spring, judge, app=app, name="never")
    score = experiment.scores.get()
    assert (score.score, score.passed, score.error_code, score.calls) == (None, None, "bad_verdict", 2)
    # It can be tried again, and the answer is not asked for once more.
    provider.default = verdict(score=0)
    runs = experiment.results.get().run_id
    assert retry_experiment(experiment, by=None) == 1
    assert not work_on_experiment(experiment.id)
    assert scores(experiment) == [0.0]
    assert experiment.results.get().run_id == runs


def test_a_judge_that_fails_is_in_no_figure(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    provider.script(*[Refusal(401, {"error": {"message": "no"}})] * 3)
    experiment = measure(golden("Hello"), evaluator("judge", rubric="Right?", model=JUDGE), evaluator(), app=app)
    judged, exact = experiment.scores.order_by("place")
    assert (experiment.status, judged.score, exact.score) == ("completed", None, 1.0)
    assert judged.error_code


def test_answers_are_compared_in_both_orders_and_a_judge_that_likes_the_first_decides_nothing(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    spring, exact = golden(NewItem(question="Hello", expected="Hi")), evaluator()
    before = measure(spring, exact, app=app)
    draft(app, saying("Hi"))
    pairwise = evaluator("pairwise", rubric="Which one answers?", model=JUDGE, pass_at=0.5)
    provider.script(verdict(winner="A"), verdict(winner="A"))
    biased = measure(spring, pairwise, app=app, baseline=before)
    score = biased.scores.get()
    assert (score.score, score.label, score.calls) == (0.5, "undecided", 2)
    assert [each["winner"] for each in score.details["orders"]] == ["other", "this"]
    first, second = (request.body["messages"][1]["content"] for request in provider.requests)
    assert first.index("\nHello\n", first.index("Answer A")) < first.index("Answer B")
    assert second.index("\nHi\n", second.index("Answer A")) < second.index("Answer B")
    provider.script(verdict(winner="B"), verdict(winner="A"))
    fair = measure(spring, pairwise, app=app, baseline=before)
    assert (fair.scores.get().score, fair.scores.get().label) == (1.0, "this")


def test_judges_count_for_the_budget(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    provider.default = verdict(score=1)
    spring = golden(*[f"Question {number}" for number in range(6)])
    judge = evaluator("judge", rubric="Right?", model=JUDGE)
    experiment = measure(spring, judge, app=app, budget=Budget(calls=3))
    assert (experiment.status, experiment.calls, len(provider.requests)) == ("spent", 3, 3)


def test_likeness_in_meaning_is_a_cosine(app: Application, golden: Sets, evaluator: Evaluators) -> None:
    spring = golden(
        NewItem(question="Inspect the hive every week", expected="Inspect the hive every week"),
        NewItem(question="Inspect the hive every week", expected="Inspect the hive twice a month in spring", inputs={}),
        NewItem(question="Inspect the hive every week", expected="Tax returns are due in May"),
        NewItem(question="Nothing is expected"),
    )
    same, alike, other, nothing = scores(measure(spring, evaluator("similarity", pass_at=0.8), app=app))
    assert same == pytest.approx(1.0)
    assert alike is not None
    assert other is not None
    assert 1 > alike > other
    assert nothing is None


def test_code_judges_in_the_real_sandbox(
    app: Application, golden: Sets, evaluator: Evaluators, sandbox: Sidecar
) -> None:
    code = (
        "def main(answer, expected, question, inputs, outputs, metadata):\n"
        "    print('seen', answer)\n"
        "    return {'score': len(set(answer) & set(expected)) / len(set(expected)), 'explanation': metadata['why']}\n"
    )
    spring = golden(NewItem(question="abc", expected="abcd", metadata={"why": "letters"}))
    endless = "def main(**given):\n    while True: pass\n"
    reading = "def main(**given):\n    return {'passed': bool(open('/etc/shadow').read())}\n"
    experiment = measure(
        spring,
        evaluator("code", "letters", code=code, pass_at=0.5),
        evaluator("code", "endless", code=endless, seconds=1.0),
        evaluator("code", "reading", code=reading),
        evaluator("code", "nonsense", code="def main(**given):\n    return {'score': 7}\n"),
        app=app,
    )
    letters, slow, prying, nonsense = experiment.scores.order_by("place")
    assert (letters.score, letters.passed, letters.explanation) == (0.75, True, "letters")
    assert letters.details["printed"].strip() == "seen abc"
    assert [each.error_code for each in (slow, prying, nonsense)] == ["code_timeout", "code_error", "bad_code_result"]
    assert experiment.status == "completed"


def test_the_samples_judge_whatever_is_expected_in_the_real_sandbox(
    app: Application, golden: Sets, evaluator: Evaluators, sandbox: Sidecar
) -> None:
    expected: list[Any] = ["How MANY", "Ten", {"frames": 10}, ["ten"], "", None]
    spring = golden(*[NewItem(question=f"How many? {n}", expected=each) for n, each in enumerate(expected)])
    assert set(SAMPLES) == set(LANGUAGES)
    judges = [evaluator("code", language, code=code, language=language) for language, code in SAMPLES.items()]
    missing = [evaluator("code", f"{j.name} of an output", **{**j.config, "field": "frames"}) for j in judges]
    experiment = measure(spring, *judges, *missing, app=app)
    for place, judge in enumerate(judges):
        assert scores(experiment, place) == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0], judge.name
    # An answer that is not there is none.
    for place, judge in enumerate(missing, start=len(judges)):
        assert scores(experiment, place) == [0.0] * 6, judge.name


def test_settings_that_cannot_work_are_refused_with_their_name(evaluator: Evaluators) -> None:
    for kind, config, setting in [
        ("regex", {"pattern": "(", "whole": True}, "pattern"),
        ("json-schema", {"schema": {"type": "nothing"}}, "schema"),
        ("judge", {"rubric": ""}, "rubric"),
        ("judge", {"rubric": "Right?", "steps": 1}, "steps"),
        ("contains", {"words": "one"}, "words"),
        ("code", {"code": "print(1)"}, "code"),
        ("exact", {"ignore_cases": True}, "ignore_cases"),
        ("nothing", {}, "kind"),
    ]:
        with pytest.raises(InvalidInput) as refused:
            evaluator(kind, **config)
        assert refused.value.details["field"] == setting
