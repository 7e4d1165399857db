"""A budget in money binds: no experiment begins with one alone while a model's price is not known."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from accounts.services import create_api_key
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.services.experiment_prices import UnpricedModel
from apps.annotations.services.experiments import Budget, begin_experiment, retry_experiment
from providers.models import ModelPrice
from providers.prices import forget_prices
from tests.annotations.experiments.conftest import asking, measure, publish
from tests.model_runtime.openai_server import OpenAIServer

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
Sets = Callable[..., GoldenSet]
Evaluators = Callable[..., Evaluator]
MONEY = Budget(cost=Decimal(1))
#: The list of prices does not know it.
HOUSE = "openai/house-model"


def in_a_loop(*, model: str) -> dict[str, Any]:
    """A chat app that asks its model in a loop."""
    document = asking("Rounds", model=model)
    start, reply, say = document["nodes"]
    loop = {"id": "rounds", "type": "loop", "config": {"rounds": 1, "body": {"nodes": [reply], "edges": []}}}
    say["config"]["text"] = "{{ rounds.loop_round }}"
    edges = [{"from": "start", "to": "rounds"}, {"from": "rounds", "to": "say"}]
    return {**document, "nodes": [start, loop, say], "edges": edges}


def calling(app: str) -> dict[str, Any]:
    """A chat app that has another one answer."""
    document = asking("Caller", model="openai/gpt-4o-mini")
    document["nodes"][1] = {"id": "reply", "type": "tool", "config": {"tool": f"workflow/{app}", "parameters": {}}}
    return document


def helper(*, model: str) -> dict[str, Any]:
    """A workflow that asks a model."""
    document = asking("Helper", model=model)
    document["app"]["kind"] = "workflow"
    document["nodes"][1]["config"]["prompt"] = [{"role": "user", "text": "Hello"}]
    document["nodes"][2] = {"id": "say", "type": "end", "config": {"outputs": {"text": "reply.text"}}}
    return document


def refused(golden_set: GoldenSet, *evaluators: Evaluator, **wishes: Any) -> UnpricedModel:
    with pytest.raises(UnpricedModel) as found:
        begin_experiment(golden_set, version=None, evaluators=evaluators, by=None, **wishes)
    assert not Experiment.objects.exists()
    return found.value


def test_an_app_whose_model_has_no_price_is_not_measured_for_money_alone(
    client: Client, team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer, editor: User
) -> None:
    app, spring, exact = publish(team, asking(model=HOUSE)), golden("One"), evaluator()
    error = refused(spring, exact, app=app.slug, budget=MONEY)
    assert error.details["models"] == [HOUSE]
    assert "would not count calls of openai/house-model: their price in USD is not known" in str(error)

    # The page and the API say the same.
    client.force_login(editor)
    form = {
        "asked": f"{spring.id}@1",
        "measured": f"{app.slug}@1",
        "evaluators": [str(exact.id)],
        "currency": "USD",
        "parallel": "1",
        "item_seconds": "60",
        "cost": "1",
    }
    page = client.post(reverse("admin:annotations_experiment_add"), form)
    assert (page.status_code, Experiment.objects.count()) == (400, 0)
    assert "openai/house-model" in page.content.decode()
    _key, secret = create_api_key(team_id=team.id, subject_kind="app", subject_id=app.id, scopes=["experiments"])
    body = {"golden_set": str(spring.id), "evaluators": ["exact"], "budget": {"cost": "1"}}
    answer = client.post(
        "/v1/experiments", body, content_type="application/json", headers={"Authorization": f"Bearer {secret}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "unpriced_model")

    # With another end, or a price, it begins.
    limited = measure(spring, exact, app=app, budget=Budget(cost=Decimal(1), calls=10))
    assert (limited.status, limited.unpriced_calls) == ("completed", 1)
    limited.results.update(status="failed", is_answered=False)
    with pytest.raises(UnpricedModel):
        retry_experiment(limited, by=None, budget=MONEY)
    ModelPrice.objects.create(team=team, model="house-*", currency="EUR", input=1, output=1)
    forget_prices()
    with pytest.raises(UnpricedModel):
        begin_experiment(spring, app=app.slug, version=None, evaluators=[exact], by=None, budget=MONEY)
    ModelPrice.objects.update(currency="USD")
    forget_prices()
    assert measure(spring, exact, app=app, budget=MONEY).unpriced_calls == 0


def test_a_judge_without_a_price_is_named_and_so_is_an_embedding_model(
    team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    app, spring = publish(team, asking(model="openai/gpt-4o-mini")), golden("One")
    judge = evaluator("judge", model=HOUSE, rubric="Is it polite?")
    near = evaluator("similarity", model="openai/text-embedding-3-small", pass_at=0.5)
    assert refused(spring, judge, app=app.slug, budget=MONEY).details["models"] == [HOUSE]
    error = refused(spring, near, app=app.slug, budget=MONEY)
    assert error.details["models"] == ["openai/text-embedding-3-small"]


def test_models_within_loops_and_in_apps_that_are_called_count(
    team: Team, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    spring, exact = golden("One"), evaluator()
    app = publish(team, in_a_loop(model=HOUSE))
    assert refused(spring, exact, app=app.slug, budget=MONEY).details["models"] == [HOUSE]
    publish(team, helper(model=HOUSE))
    app = publish(team, calling("helper"))
    assert refused(spring, exact, app=app.slug, budget=MONEY).details["models"] == [HOUSE]
