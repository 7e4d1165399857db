"""Experiments as people and programs use them: begun, worked on, read, compared, stopped, tried again."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from accounts.models import Team, User
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Evaluator, GoldenSet
from apps.annotations.selectors import experiments as reading
from apps.annotations.selectors.measuring import compare_experiments, figures_of
from apps.annotations.services.experiment_turns import work_on_experiment
from apps.annotations.services.experiments import (
    Budget,
    begin_experiment,
    delete_experiment,
    retry_experiment,
    stop_experiment,
)
from apps.annotations.services.golden_items import change_item
from apps.workflows.models import Application, Run
from support.errors import InvalidInput, NotAllowed, NotFound
from tests.annotations.experiments.conftest import asking, draft, measure, publish, rows, saying, scores
from tests.model_runtime.openai_server import Completion, OpenAIServer, Refusal

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)

Sets = Callable[..., GoldenSet]
Evaluators = Callable[..., Evaluator]


def test_every_item_is_a_run_of_that_version_and_gets_a_score(
    app: Application, golden: Sets, evaluator: Evaluators, editor: User
) -> None:
    number = draft(app, saying("Ten frames"))
    spring = golden(NewItem(question="How many?", expected="Ten frames"), NewItem(question="Which?", expected="Pine"))
    experiment = measure(spring, evaluator(), evaluator("contains", words=["ten"]), app=app, by=editor)
    assert (experiment.status, experiment.total, experiment.set_version) == ("completed", 2, 1)
    assert rows(experiment) == [(1, "completed", "Ten frames"), (2, "completed", "Ten frames")]
    assert (scores(experiment), scores(experiment, 1)) == ([1.0, 0.0], [1.0, 1.0])
    runs = Run.objects.filter(id__in=experiment.results.values("run_id"))
    assert {(run.source, run.version.number, run.query) for run in runs} == {
        ("experiment", number, "How many?"),
        ("experiment", number, "Which?"),
    }
    first, second = figures_of(experiment)
    assert (first.scored, first.passed, first.mean and first.mean.value) == (2, 1, 0.5)
    assert second.pass_rate is not None
    assert second.pass_rate.value == 1.0
    assert second.pass_rate.low < 0.5


def test_an_earlier_version_of_the_set_is_measured_as_it_was(
    app: Application, golden: Sets, evaluator: Evaluators, editor: User
) -> None:
    spring = golden("How many?")
    change_item(spring, 1, NewItem(question="How many frames?", expected="Ten"), by=editor)
    spring.refresh_from_db()
    assert scores(measure(spring, evaluator(), app=app, set_version=1)) == [1.0]
    assert scores(measure(spring, evaluator(name="again"), app=app)) == [0.0]


def test_two_versions_are_compared_on_what_both_were_asked_the_same(
    app: Application, golden: Sets, evaluator: Evaluators, editor: User
) -> None:
    spring = golden(*[f"Question {number}" for number in range(30)])
    exact, contains = evaluator(), evaluator("contains", words=["Question"])
    first = measure(spring, exact, contains, app=app)
    draft(app, saying("Question 3"))
    change_item(spring, 30, NewItem(question="Another", expected="One"), by=editor)
    spring.refresh_from_db()
    second = measure(spring, exact, contains, app=app)
    by_exact, by_contains = compare_experiments(first, second)
    assert (by_exact.scores.items, by_exact.scores.worse, by_exact.scores.better) == (29, 28, 0)
    assert by_exact.is_significant
    assert by_exact.scores.difference.high < 0
    assert not by_contains.is_significant
    assert by_contains.items_needed is None
    worse = reading.results_of(second, shown="worse", against=first)
    assert [each.number for each in worse] == [n for n in range(1, 30) if n != 4]
    assert reading.results_of(second, shown="better", against=first) == []
    assert [each.number for each in reading.results_of(second, shown="missed", place=0, after=27)] == [28, 29, 30]
    assert [each.number for each in reading.results_of(second, shown="passed")] == [4]
    # Who judges otherwise than before is not compared with.
    exact.pass_at = 0.5
    exact.save()
    third = measure(spring, exact, app=app)
    assert compare_experiments(first, third) == []


def test_an_app_without_an_answer_gets_nothing_and_is_tried_again(
    team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer, editor: User
) -> None:
    app = publish(team, asking(model="openai/gpt-4o-mini"))
    provider.script(Refusal(400, {"error": {"message": "not today"}}))
    spring = golden(NewItem(question="One", expected="Hello from the wire."))
    experiment = measure(spring, evaluator(), app=app)
    result = experiment.results.get()
    assert (experiment.status, result.status, scores(experiment)) == ("completed", "failed", [0.0])
    assert "not today" in result.error_message
    assert reading.progress_of(experiment).can_retry
    assert retry_experiment(experiment, by=editor) == 1
    assert not work_on_experiment(experiment.id)
    result.refresh_from_db()
    assert (result.status, result.answer, result.error_code) == ("completed", "Hello from the wire.", "")
    assert scores(experiment) == [1.0]
    assert retry_experiment(experiment, by=editor) == 0


def test_a_budget_in_calls_is_never_exceeded_and_what_came_out_is_kept(
    team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer, editor: User
) -> None:
    app = publish(team, asking(model="openai/gpt-4o-mini"))
    spring = golden(*[f"Question {number}" for number in range(12)])
    experiment = measure(spring, evaluator(), app=app, parallel=4, budget=Budget(calls=5))
    assert (experiment.status, experiment.calls) == ("spent", 5)
    assert len(provider.requests) == 5
    progress = reading.progress_of(experiment)
    assert (progress.answered, progress.left_out) == (5, 7)
    figure = figures_of(experiment)[0]
    assert figure.scored == 5
    assert retry_experiment(experiment, by=editor, budget=Budget(calls=50)) == 7
    while work_on_experiment(experiment.id):
        pass
    experiment.refresh_from_db()
    assert (experiment.status, experiment.calls, reading.progress_of(experiment).answered) == ("completed", 12, 12)


def test_budgets_in_tokens_and_money_count_what_the_provider_says(
    team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    app = publish(team, asking(model="openai/gpt-4o-mini"))
    provider.default = Completion(usage={"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100})
    spring = golden(*[f"Question {number}" for number in range(8)])
    tokens = measure(spring, evaluator(), app=app, budget=Budget(tokens=3_500))
    assert (tokens.status, tokens.tokens, tokens.calls) == ("spent", 3_300, 3)
    assert tokens.cost > 0
    each = tokens.cost / 3
    money = measure(spring, evaluator(name="again"), app=app, budget=Budget(cost=each * Decimal("5.5")))
    assert (money.status, money.calls, money.unpriced_calls) == ("spent", 5, 0)
    assert money.cost == each * 5


def test_an_item_that_takes_too_long_fails_and_the_others_go_on(
    team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    app = publish(team, asking(model="openai/gpt-4o-mini"))
    provider.script(Completion("word " * 400, pause=0.1))
    spring = golden("One", "Two")
    experiment = measure(spring, evaluator("contains", words=["Hello"]), app=app, parallel=1, item_seconds=2)
    one, two = experiment.results.order_by("number")
    assert (one.status, one.error_code, two.status) == ("failed", "item_timeout", "completed")
    assert Run.objects.get(id=one.run_id).status == "stopped"


def test_stopping_leaves_out_the_rest_and_keeps_what_came_out(
    team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer, editor: User, operator: User
) -> None:
    app = publish(team, asking(model="openai/gpt-4o-mini"))
    spring = golden("One", "Two")
    experiment = begin_experiment(spring, app=app.slug, version=None, evaluators=[evaluator()], by=editor)
    with pytest.raises(NotAllowed):
        stop_experiment(experiment, by=operator)
    assert stop_experiment(experiment, by=editor).status == "stopped"
    assert not work_on_experiment(experiment.id)
    assert rows(experiment) == [(1, "left-out", ""), (2, "left-out", "")]
    assert provider.requests == []


def test_experiments_are_numbered_on_their_set_and_no_number_is_given_twice(
    app: Application, golden: Sets, evaluator: Evaluators, manager: User
) -> None:
    exact = evaluator()
    spring, summer = golden("How many?"), golden("Which?", name="Summer")
    first, second = (measure(spring, exact, app=app) for _n in range(2))
    assert (first.number, second.number, measure(summer, exact, app=app).number) == (1, 2, 1)
    assert (str(first), str(second)) == ("Handbook v1 · #1", "Handbook v1 · #2")
    delete_experiment(second, by=manager)
    assert str(measure(spring, exact, app=app, name="Nightly")) == "Nightly · #3"


def test_what_cannot_be_measured_is_refused(
    app: Application, golden: Sets, evaluator: Evaluators, operator: User, editor: User
) -> None:
    spring, exact = golden("One"), evaluator()
    pairwise = evaluator("pairwise", rubric="Which is better?")
    good = {"app": app.slug, "version": None, "evaluators": [exact], "by": editor}
    for wrong, error in [
        ({"by": operator}, NotAllowed),
        ({"app": "nobody"}, NotFound),
        ({"version": 99}, NotFound),
        ({"evaluators": []}, InvalidInput),
        ({"evaluators": [exact, exact]}, InvalidInput),
        ({"evaluators": [pairwise]}, InvalidInput),
        ({"parallel": 0}, InvalidInput),
        ({"set_version": 0}, InvalidInput),
        ({"budget": Budget(calls=0)}, InvalidInput),
    ]:
        with pytest.raises(error):
            begin_experiment(spring, **{**good, **wrong})
    other = Team.objects.create(slug="wasps", name="Wasps")
    foreign = publish(other, saying("Bzz", name="Wasp"))
    with pytest.raises(NotFound):
        begin_experiment(spring, **{**good, "app": foreign.slug})
