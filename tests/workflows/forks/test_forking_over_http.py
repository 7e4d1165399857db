"""Forks over the service API and on the page of a run."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from accounts.models import Membership, Role
from apps.traces.recorder.observer import flush
from apps.workflows import services
from apps.workflows.models import Run
from apps.workflows.selectors.events import stored_events
from support.ids import uuid7
from tests.workflows.engine.runs import document, each, node
from tests.workflows.talking import items

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

SENDING = document(
    [
        node("made", "variable-aggregator", config={"variables": ["inputs.word"]}),
        node("passed", "variable-aggregator", config={"variables": ["made.output"]}),
        each(
            "each",
            "inputs.items",
            [node("one", "variable-aggregator", config={"variables": ["item"]})],
            collect="one.output",
        ),
        node("end", "end", config={"outputs": {"said": "passed.output", "all": "each.output"}}),
    ],
    "start>made made>passed passed>each each>end",
    kind="workflow",
    inputs=[
        {"name": "word", "type": "text", "default": "hello"},
        {"name": "items", "type": "json", "default": ["x", "y"]},
    ],
)


@pytest.fixture(autouse=True)
def _traces_are_written():
    yield
    assert flush(10)


@pytest.fixture
def ran(server, make_app, key_of) -> tuple[str, dict[str, str], str]:
    """A run that has ended: (its id, the key's headers, the address of its forks)."""
    headers = key_of(make_app(SENDING))
    reply = httpx.post(f"{server}/v1/workflows/run", json={"inputs": {}, "user": "ada"}, headers=headers, timeout=30)
    run_id = reply.json()["workflow_run_id"]
    return run_id, headers, f"{server}/v1/workflows/run/{run_id}/fork"


def test_a_fork_is_waited_for(ran):
    run_id, headers, url = ran
    body: dict[str, Any] = {"node_id": "passed", "values": {"made.output": "changed"}, "user": "ada"}
    reply = httpx.post(url, json=body, headers=headers, timeout=30).json()
    assert reply["data"]["outputs"] == {"said": "changed", "all": ["x", "y"]}
    assert reply["workflow_run_id"] != run_id
    shown = httpx.get(url.replace(run_id, reply["workflow_run_id"]).removesuffix("/fork"), headers=headers).json()
    assert shown["forked_from"] == run_id


def test_a_fork_is_streamed_with_what_it_reuses(ran, server):
    run_id, headers, url = ran
    followed = httpx.get(f"{server}/v1/workflow/{run_id}/events", headers=headers, timeout=30)
    ids = [line[4:] for line in followed.text.splitlines() if line.startswith("id: ")]
    body = {"after": ids[len(ids) // 2], "user": "ada", "response_mode": "streaming"}
    with httpx.stream("POST", url, json=body, headers=headers, timeout=30) as reply:
        frames = [frame for _, frame in items(reply)]
    finished = [frame["data"] for frame in frames if frame["event"] == "node_finished"]
    reused = [data["node_id"] for data in finished if data["extras"].get("reused")]
    assert reused[:2] == ["start", "made"]
    assert [data["node_id"] for data in finished if not data["extras"]][-1] == "end"
    assert frames[-1]["event"] == "workflow_finished"
    assert frames[-1]["data"]["outputs"] == {"said": "hello", "all": ["x", "y"]}


def test_a_fork_in_the_background_is_a_workers(ran):
    _, headers, url = ran
    body = {"node_id": "one", "frame": "each:1", "user": "ada", "response_mode": "background"}
    reply = httpx.post(url, json=body, headers=headers, timeout=30)
    assert reply.status_code == 202
    assert services.go_on_with_run(reply.json()["workflow_run_id"])
    assert Run.objects.get(id=reply.json()["workflow_run_id"]).outputs == {"said": "hello", "all": ["x", "y"]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_param"),
        ({"after": 1, "node_id": "made"}, 400, "invalid_param"),
        ({"after": 10_000}, 400, "invalid_param"),
        ({"after": True}, 400, "invalid_param"),
        ({"after": []}, 400, "invalid_param"),
        ({"node_id": "nobody"}, 400, "invalid_param"),
        ({"node_id": "one", "frame": "each:9"}, 400, "invalid_param"),
        ({"node_id": "one", "frame": "each/../1"}, 400, "invalid_param"),
        ({"node_id": "made", "values": []}, 400, "invalid_param"),
        ({"node_id": "made", "values": [1]}, 400, "invalid_param"),
        ({"node_id": "made", "values": {"passed.output": 1}}, 400, "invalid_param"),
        ({"node_id": "made", "version": "draft"}, 400, "invalid_param"),
        ({"node_id": "made", "user": "eve"}, 404, "not_found"),
    ],
)
def test_a_wrong_wish_is_refused(ran, body, status, code):
    _, headers, url = ran
    reply = httpx.post(url, json={"user": "ada", **body}, headers=headers, timeout=30)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert Run.objects.count() == 1


def test_the_runs_of_another_app_are_not_forked(ran, make_app, key_of):
    _, _, url = ran
    other = make_app({**SENDING, "app": {"name": "Other", "kind": "workflow"}})
    assert httpx.post(url, json={"node_id": "made"}, headers=key_of(other), timeout=30).status_code == 404
    assert httpx.post(url, json={"node_id": "made"}, timeout=30).status_code == 401


def test_a_member_runs_a_run_again_from_a_step(ran, member, client):
    run_id, _, _ = ran
    client.force_login(member)
    page = client.get(f"/apps/test/runs/{run_id}/").text
    assert page.count("Run again from here") == 7
    assert 'name="value:made.output"' in page
    url = f"/apps/test/runs/{run_id}/again/"
    body = {"node_id": "passed", "frame": "", "value:made.output": "by hand"}
    shown = client.post(url, body, follow=True)
    run = Run.objects.get(forked_from=run_id)
    assert shown.redirect_chain == [(f"/apps/test/runs/{run.id}/", 302)]
    assert "The new run has begun." in shown.text
    assert "data-goes-on" in shown.text
    assert services.go_on_with_run(run.id)
    page = client.get(f"/apps/test/runs/{run.id}/").text
    assert "by hand" in page
    assert page.count(">reused<") == 2
    assert f'<a href="/apps/test/runs/{run_id}/">an earlier run</a>' in page
    assert f'href="/apps/test/runs/{run.id}/"' in client.get(f"/apps/test/runs/{run_id}/").text


def test_a_form_sent_as_it_was_changes_nothing(ran, member, client):
    run_id, _, _ = ran
    client.force_login(member)
    body = {"node_id": "one", "frame": "each:1"}
    client.post(f"/apps/test/runs/{run_id}/again/", body)
    body = {"node_id": "each", "frame": "", "value:inputs.items": '["x", "y"]'}
    client.post(f"/apps/test/runs/{run_id}/again/", body)
    wrong = {**body, "value:inputs.items": '["x", '}
    assert "inputs.items must be JSON." in client.post(f"/apps/test/runs/{run_id}/again/", wrong, follow=True).text
    runs = list(Run.objects.filter(forked_from=run_id))
    assert [services.go_on_with_run(run.id) for run in runs] == [True, True]
    for run in runs:
        run.refresh_from_db()
        assert run.outputs == {"said": "hello", "all": ["x", "y"]}
        assert run.inputs == run.forked_from.inputs


def test_only_members_with_the_right_run_again(ran, team, client, django_user_model):
    run_id, _, _ = ran
    url, body = f"/apps/test/runs/{run_id}/again/", {"node_id": "made"}
    assert client.post(url, body).status_code == 302  # to the sign-in page
    stranger = django_user_model.objects.create_user("eve", "eve@example.org", "x")
    client.force_login(stranger)
    assert client.post(url, body).status_code == 404
    assert Run.objects.count() == 1
    draft = {**SENDING, "nodes": [{**one, "timeout": "9s"} for one in SENDING["nodes"]]}
    services.save_version(application=Run.objects.get().application, document=draft)
    Membership.objects.create(team=team, user=stranger, role=Role.VIEWER)
    assert "With the draft" not in client.get(f"/apps/test/runs/{run_id}/").text
    assert client.post(url, {**body, "draft": "on"}).status_code == 302
    run = Run.objects.get(forked_from=run_id)
    assert (run.end_user, run.version_id) == ("eve", run.forked_from.version_id)


def test_the_form_of_one_step_is_there_for_pages_of_other_apps(ran, member, client):
    run_id, _, _ = ran
    client.force_login(member)
    url = f"/apps/test/runs/{run_id}/again/"
    starts = [event for _seq, event in stored_events(run_id, kinds=("node_started",)) if event.node_id == "one"]
    form = client.get(url, {"node_id": "one", "index": starts[1].index}).text
    assert f'action="{url}"' in form
    assert '<input type="hidden" name="frame" value="each:1">' in form
    assert "<html" not in form
    assert "cannot be run again by itself" in client.get(url, {"node_id": "nobody", "index": 1}).text


def test_the_playground_offers_what_an_earlier_run_was_given(ran, member, client):
    run_id, _, _ = ran
    client.force_login(member)
    page = client.get("/apps/test/playground/", {"from": run_id}).text
    assert '"prefill": {"query": "", "inputs": {"word": "hello", "items": ["x", "y"]}}' in page
    for nobody in (uuid7(), "nonsense"):
        assert '"prefill"' not in client.get("/apps/test/playground/", {"from": nobody}).text
