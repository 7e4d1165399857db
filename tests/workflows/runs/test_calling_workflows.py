"""Apps that call other apps of their team: what is refused, what a run is accepted with, what its trace shows."""

from __future__ import annotations

import asyncio
import itertools
import re
from pathlib import Path

import pytest
import yaml

from accounts.models import Team
from apps.traces.models import Span
from apps.traces.recorder.observer import flush
from apps.workflows import services
from apps.workflows.models import Application, EnvironmentValue, Run
from apps.workflows.services.applications import InvalidDocument, check_before_publishing, check_document
from apps.workflows.services.callees import CallsInACircle
from apps.workflows.services.start_run import accept_workflow, accepted_again

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


def caller(name, *called, word="inputs.word"):
    nodes = [{"id": "start", "type": "start"}]
    for number, each in enumerate(called):
        parameters = {"word": word} if word else {}
        nodes.append(
            {"id": f"c{number}", "type": "tool", "config": {"tool": f"workflow/{each}", "parameters": parameters}}
        )
    last = f"c{len(called) - 1}" if called else "start"
    outputs = {"got": f"{last}.text"} if called else {"got": "inputs.word"}
    nodes.append({"id": "end", "type": "end", "config": {"outputs": outputs}})
    names = [node["id"] for node in nodes]
    return {
        "skep": 1,
        "app": {"name": name, "kind": "workflow"},
        "inputs": [{"name": "word", "type": "text", "required": True}],
        "nodes": nodes,
        "edges": [{"from": one, "to": other} for one, other in itertools.pairwise(names)],
    }


def made(team, document):
    application, _ = services.import_document(text=yaml.safe_dump(document), team_id=team.id)
    return application


def again(application, document):
    saved = services.save_version(application=application, document=document)
    services.publish_version(application=application, version=saved.version)
    application.refresh_from_db()


def accepted(application, word="bee"):
    return accept_workflow(
        application=application, version=application.live, inputs={"word": word}, source="api", end_user="ada"
    )


@pytest.fixture(autouse=True)
def _traces_are_written():
    yield
    assert flush(10)


def run_to_end(acceptance):
    return asyncio.run(services.run_to_end(acceptance))


def test_an_app_calls_another_and_the_trace_shows_its_nodes(team):
    made(team, caller("Inner"))
    outer = made(team, caller("Outer", "inner"))
    acceptance = accepted(outer)
    assert run_to_end(acceptance).outputs == {"got": "bee"}
    assert flush(10)
    spans = {span.name: span for span in Span.objects.filter(trace_id=acceptance.run.id)}
    inner = [span for span in spans.values() if span.parent_key == spans["c0"].key]
    assert [span.name for span in inner] == ["start [1]", "end [1]"]


def test_a_run_calls_what_was_published_when_it_was_accepted(team):
    inner = made(team, caller("Inner"))
    outer = made(team, caller("Outer", "inner"))
    before = accepted(outer)
    changed = caller("Inner")
    changed["nodes"][-1]["config"]["outputs"] = {"got": "new: {{ inputs.word }}"}
    again(inner, changed)
    assert run_to_end(accepted_again(before.run)).outputs == {"got": "bee"}
    assert run_to_end(accepted(outer)).outputs == {"got": "new: bee"}


def test_inputs_are_checked_when_it_is_called(team):
    made(team, caller("Inner"))
    outer = made(team, caller("Outer", "inner"))
    summary = run_to_end(accepted(outer, word="bee"))
    assert summary.status == "succeeded"
    wrong = caller("Outer", "inner", word="")
    again(outer, wrong)
    summary = run_to_end(accepted(outer))
    assert summary.error is not None
    assert summary.error.code == "tool_parameters"


def test_a_missing_input_and_a_missing_app_are_named_with_their_path(team):
    made(team, caller("Inner"))
    problems = {p.code: (p.path, p.severity) for p in check_document(caller("O", "inner", word=""), team_id=team.id)}
    assert problems["missing_parameter"] == ("/nodes/1/config/parameters", "warning")
    outer = made(team, caller("Outer", "nowhere"))
    with pytest.raises(InvalidDocument) as refused:
        check_before_publishing(outer.live)
    assert [(p.path, p.code) for p in refused.value.problems] == [("/nodes/1/config/tool", "unknown_workflow")]


def test_an_app_of_another_team_is_not_there(team):
    other = Team.objects.create(slug="wasps", name="Wasps")
    made(other, caller("Secret"))
    outer = made(team, caller("Outer", "secret"))
    summary = run_to_end(accepted(outer))
    assert summary.error is not None
    assert summary.error.code == "workflow_not_found"


def test_apps_that_call_each_other_in_a_circle_are_refused(team):
    a = made(team, caller("A"))
    made(team, caller("B", "a"))
    made(team, caller("C", "b"))
    with pytest.raises(InvalidDocument) as refused:
        again(a, caller("A", "c"))
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("/nodes/1/config/tool", "workflow_cycle")
    assert "a → c → b → a" in problem.message
    with pytest.raises(InvalidDocument):
        again(a, caller("A", "a"))


def test_a_circle_that_came_about_all_the_same_is_refused_when_a_run_is_asked_for(team):
    a = made(team, caller("A"))
    b = made(team, caller("B"))
    draft = services.save_version(application=a, document=caller("A", "b")).version
    again(b, caller("B", "a"))
    services.publish_version(application=a, version=draft)
    a.refresh_from_db()
    with pytest.raises(CallsInACircle, match="a → b → a"):
        accepted(a)
    assert not Run.objects.exists()


def test_more_than_eight_levels_are_refused(team):
    made(team, caller("L0"))
    for number in range(1, 8):
        made(team, caller(f"L{number}", f"l{number - 1}"))
    assert run_to_end(accepted(Application.objects.get(slug="l7"))).outputs == {"got": "bee"}
    with pytest.raises(InvalidDocument) as refused:
        made(team, caller("L8", "l7"))
    assert [problem.code for problem in refused.value.problems] == ["workflow_too_deep"]
    assert not Application.objects.filter(slug="l8").exists()


def test_the_example_of_the_documentation_runs(team):
    page = (Path(__file__).resolve().parents[3] / "docs" / "workflows-as-tools.md").read_text()
    caller_text, called_text = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    services.import_document(text=called_text, team_id=team.id)
    application, saved = services.import_document(text=caller_text, team_id=team.id)
    assert saved.warnings == []
    acceptance = accept_workflow(
        application=application, version=application.live, inputs={"who": "Ada"}, source="api", end_user="ada"
    )
    said = "Good day, Ada."
    assert run_to_end(acceptance).outputs == {"greeting": said, "all": {"greeting": said}}


def test_a_secret_of_a_called_app_is_covered_up_on_the_pages_of_the_caller(team, member, client):
    inner = caller("Inner")
    inner["variables"] = {"environment": [{"name": "token", "type": "secret"}]}
    inner["nodes"][-1]["config"]["outputs"] = {"got": "key=[{{ env.token }}]"}
    called = made(team, inner)
    services.set_environment_value(called, name="token", value="tok-4711/honey bee")
    outer = made(team, caller("Outer", "inner"))
    acceptance = accepted(outer)
    run_to_end(acceptance)
    client.force_login(member)
    page = client.get(f"/apps/{outer.slug}/runs/{acceptance.run.id}/").content.decode()
    assert "key=[•••]" in page
    assert "tok-4711" not in page
    member.is_superuser = True
    member.save()
    assert "tok-4711" not in client.get(f"/admin/workflows/run/{acceptance.run.id}/change/").content.decode()
    EnvironmentValue.objects.update(encrypted_secret="gone")
    assert client.get(f"/apps/{outer.slug}/runs/{acceptance.run.id}/").status_code == 200
