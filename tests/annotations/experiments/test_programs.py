"""Experiments for programs: over the service API, and from the shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.services import create_api_key
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.services.experiment_turns import work_on_experiment
from apps.workflows.models import Application
from tests.annotations.experiments.conftest import asking, draft, measure, publish, saying
from tests.model_runtime.openai_server import OpenAIServer

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
Sets = Callable[..., GoldenSet]
Evaluators = Callable[..., Evaluator]


@pytest.fixture
def call(client: Client, app: Application) -> Callable[..., Any]:
    """A call with a key of the app that may do everything with experiments."""
    _key, secret = create_api_key(
        team_id=app.team_id, subject_kind="app", subject_id=app.id, scopes=["experiments", "chat"]
    )

    def send(method: str, path: str, body: Any = None, **query: Any) -> Any:
        options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {secret}"}, "query_params": query}
        if body is not None:
            options |= {"data": body, "content_type": "application/json"}
        return getattr(client, method)(f"/v1/{path}", **options)

    return send


def test_a_program_begins_an_experiment_and_reads_what_came_out(
    call: Callable[..., Any], app: Application, golden: Sets, evaluator: Evaluators
) -> None:
    golden("One", "Two", "Three")
    exact = evaluator()
    evaluator("contains", words=["o"])
    draft(app, saying("Two"))
    body = {"golden_set": "Spring", "evaluators": ["exact", "contains"], "budget": {"calls": 100, "cost": "1.5"}}
    begun = call("post", "experiments", body)
    assert begun.status_code == 201
    made = begun.json()
    assert (made["status"], made["version"], made["total"]) == ("queued", 2, 3)
    assert made["budget"] == {"calls": 100, "tokens": None, "cost": "1.5", "currency": "USD"}
    assert not work_on_experiment(Experiment.objects.get().id)
    seen = call("get", f"experiments/{made['id']}").json()
    assert (seen["status"], seen["progress"]["answered"]) == ("completed", 3)
    assert seen["figures"][0]["mean"]["value"] == pytest.approx(1 / 3)
    assert seen["figures"][0]["evaluator_id"] == str(exact.id)
    page = call("get", f"experiments/{made['id']}/results", limit=2).json()
    assert (page["has_more"], [row["number"] for row in page["data"]]) == (True, [1, 2])
    assert page["data"][1]["scores"][0] == {
        **{"evaluator": "exact", "score": 1.0, "passed": True, "label": "yes", "explanation": "", "error": None}
    }
    rest = call("get", f"experiments/{made['id']}/results", after=2, shown="missed").json()
    assert [row["answer"] for row in rest["data"]] == ["Two"]
    second = measure(GoldenSet.objects.get(), exact, app=app, version=1)
    compared = call("get", f"experiments/{second.id}", against=made["id"]).json()["differences"]
    assert [(each["name"], each["scores"]["better"], each["is_significant"]) for each in compared] == [
        ("exact", 2, False)
    ]
    listed = call("get", "experiments", limit=1).json()
    assert (listed["data"][0]["id"], listed["has_more"]) == (str(second.id), True)
    assert call("post", f"experiments/{made['id']}/retry", {}).json()["items_again"] == 0
    assert call("post", f"experiments/{made['id']}/stop", {}).json()["status"] == "completed"


def test_what_is_wrong_is_named_and_other_apps_are_not_seen(
    client: Client, call: Callable[..., Any], app: Application, golden: Sets, evaluator: Evaluators
) -> None:
    spring, exact = golden("One"), evaluator()
    good = {"golden_set": "Spring", "evaluators": ["exact"]}
    for wrong, status in [
        ({"golden_set": "Nobody"}, 404),
        ({"evaluators": ["nobody"]}, 404),
        ({"evaluators": "exact"}, 400),
        ({"version": "2"}, 400),
        ({"budget": {"cost": "NaN"}}, 400),
        ({"budgets": {}}, 400),
        ({"baseline": str(uuid4())}, 404),
    ]:
        answer = call("post", "experiments", {**good, **wrong})
        assert answer.status_code == status, (wrong, answer.content)
    assert Experiment.objects.count() == 0
    other = publish(app.team, saying("Other", name="Other"))
    foreign = measure(spring, exact, app=other)
    assert call("get", f"experiments/{foreign.id}").status_code == 404
    assert call("get", "experiments").json()["data"] == []
    _key, usual = create_api_key(team_id=app.team_id, subject_kind="app", subject_id=app.id)
    answer = client.get("/v1/experiments", headers={"Authorization": f"Bearer {usual}"})
    assert answer.status_code == 403


def test_the_shell_measures_in_the_foreground_and_says_so_in_its_exit(
    app: Application, golden: Sets, evaluator: Evaluators, provider: OpenAIServer
) -> None:
    asked = publish(app.team, asking("Asked", model="openai/gpt-4o-mini"))
    golden("One", "Two", "Three", "Four")
    evaluator("contains", words=["Hello"])
    out = StringIO()
    call_command("run_experiment", asked.slug, "Spring", "contains", stdout=out)
    outcome = json.loads(out.getvalue())
    assert (outcome["status"], outcome["spent"]["calls"]) == ("completed", 4)
    assert outcome["figures"][0]["mean"]["value"] == 1.0
    out = StringIO()
    with pytest.raises(CommandError, match="ended as spent") as ended:
        call_command("run_experiment", asked.slug, "Spring", "contains", "--max-calls", "2", stdout=out)
    assert ended.value.returncode == 1
    assert json.loads(out.getvalue())["progress"]["left_out"] == 2
    for wrong in (["nobody", "Spring", "contains"], [asked.slug, "Autumn", "contains"], [asked.slug, "Spring", "none"]):
        with pytest.raises(CommandError) as refused:
            call_command("run_experiment", *wrong)
        assert refused.value.returncode == 2
