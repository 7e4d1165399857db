"""Runs that ask people: over HTTP, from the question to the end, with nothing held in between."""

from __future__ import annotations

import datetime as dt
import json

import httpx
import pytest
from django.utils import timezone

from apps.traces.models import Trace
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.workflows.engine.events import NodeAnswered
from apps.workflows.models import Run, Wait
from apps.workflows.selectors.events import stored_events
from apps.workflows.services import AlreadyAnswered, give_up_waiting, go_on_with_runs, reply_to, stop_run
from apps.workflows.services.go_on import claim_safely

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

ASKING = {
    "skep": 1,
    "app": {"name": "Approval", "kind": "workflow"},
    "inputs": [{"name": "sum", "type": "number", "default": 100}],
    "nodes": [
        {"id": "start", "type": "start"},
        {
            "id": "ask",
            "type": "human-input",
            "title": "May we?",
            "config": {
                "form": "Pay {{ inputs.sum }}?",
                "fields": [{"name": "note", "type": "text", "default": "for {{ inputs.sum }}"}],
                "actions": [{"id": "yes", "title": "Pay", "style": "primary"}, {"id": "no", "title": "Do not"}],
                "timeout": "2d",
            },
        },
        {"id": "paid", "type": "end", "config": {"outputs": {"said": "ask.action", "note": "ask.note"}}},
        {"id": "refused", "type": "end", "config": {"outputs": {"said": "ask.action"}}},
        {"id": "late", "type": "end", "config": {"outputs": {"said": "ask.action"}}},
    ],
    "edges": [
        {"from": "start", "to": "ask"},
        {"from": "ask", "to": "paid", "when": "yes"},
        {"from": "ask", "to": "refused", "when": "no"},
        {"from": "ask", "to": "late", "when": "timeout"},
    ],
}


def frames_of(reply: httpx.Response) -> list[dict]:
    return [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]


@pytest.fixture
def asked(server, make_app, key_of):
    """A run that waits: (its frames, its question, the key's headers)."""
    headers = key_of(make_app(ASKING))
    body = {"inputs": {"sum": 7}, "user": "ada", "response_mode": "streaming"}
    reply = httpx.post(f"{server}/v1/workflows/run", json=body, headers=headers, timeout=30)
    return frames_of(reply), Wait.objects.get(), headers


def test_a_run_waits_for_a_person_and_goes_on_with_the_reply(asked):
    frames, wait, _ = asked
    events = [frame["event"] for frame in frames if frame["event"] != "ping"]
    assert events[-2:] == ["human_input_required", "workflow_paused"]
    form = next(frame["data"] for frame in frames if frame["event"] == "human_input_required")
    assert (form["form_content"], form["resolved_default_values"]) == ("Pay 7?", {"note": "for 7"})
    run = Run.objects.get(id=wait.run_id)
    assert (run.status, run.lease_until, run.finished_at) == ("paused", None, None)
    assert go_on_with_runs() == 0
    reply_to(wait, {"action": "yes", "note": "ok"}, by="ben")
    go_on_with_runs()
    run.refresh_from_db()
    assert (run.status, run.outputs) == ("succeeded", {"said": "yes", "note": "ok"})
    with pytest.raises(AlreadyAnswered):
        reply_to(wait, {"action": "no"}, by="eve")


def test_a_reply_outlives_the_process_that_took_the_run_with_it(asked):
    _, wait, _ = asked
    reply_to(wait, {"action": "yes", "note": "ok"}, by="ben")
    assert claim_safely(wait.run_id) is not None  # and that process dies before it has done anything
    Run.objects.filter(id=wait.run_id).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert go_on_with_runs() == 1
    run = Run.objects.get(id=wait.run_id)
    assert (run.status, run.outputs) == ("succeeded", {"said": "yes", "note": "ok"})
    answers = [event for _, event in stored_events(run.id) if isinstance(event, NodeAnswered)]
    assert len(answers) == 1


def test_followers_of_a_paused_run_end_and_come_back_for_the_rest(server, asked):
    frames, wait, headers = asked
    run_id = frames[0]["workflow_run_id"]
    again = httpx.get(f"{server}/v1/workflow/{run_id}/events", params={"user": "ada"}, headers=headers, timeout=30)
    assert [frame["event"] for frame in frames_of(again)][-1] == "workflow_paused"
    reply_to(wait, {"action": "no"}, by="ben")
    go_on_with_runs()
    again = httpx.get(f"{server}/v1/workflow/{run_id}/events", params={"user": "ada"}, headers=headers, timeout=30)
    events = [frame["event"] for frame in frames_of(again) if frame["event"] != "ping"]
    assert events.count("workflow_paused") == 1
    assert "human_input_form_filled" in events
    assert events[-1] == "workflow_finished"


def test_nobody_replies_in_time(asked):
    _, wait, _ = asked
    assert wait.until > timezone.now() + dt.timedelta(days=1.9)
    assert give_up_waiting() == 0
    Wait.objects.update(until=timezone.now() - dt.timedelta(seconds=1))
    assert give_up_waiting() == 1
    go_on_with_runs()
    assert Run.objects.get(id=wait.run_id).outputs == {"said": "timeout"}


def test_a_waiting_run_can_be_stopped(asked):
    _, wait, _ = asked
    run = Run.objects.get(id=wait.run_id)
    stop_run(run)
    run.refresh_from_db()
    assert (run.status, run.lease_until) == ("stopped", None)
    with pytest.raises(AlreadyAnswered):
        reply_to(wait, {"action": "yes"}, by="ben")


def test_the_form_is_answered_over_the_api_once(server, asked):
    frames, wait, headers = asked
    token = next(frame["data"]["form_token"] for frame in frames if frame["event"] == "human_input_required")
    assert token == wait.token
    url = f"{server}/v1/form/human_input/{token}"
    shown = httpx.get(url, headers=headers).json()
    assert (shown["form_content"], [item["id"] for item in shown["user_actions"]]) == ("Pay 7?", ["yes", "no"])
    assert httpx.get(f"{server}/v1/form/human_input/nothing", headers=headers).status_code == 404
    bad = httpx.post(url, json={"inputs": {}, "action": "maybe", "user": "ben"}, headers=headers)
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_param")
    good = httpx.post(url, json={"inputs": {"note": "fine"}, "action": "yes", "user": "ben"}, headers=headers)
    assert (good.status_code, good.json()) == (200, {})
    late = httpx.post(url, json={"inputs": {}, "action": "no", "user": "eve"}, headers=headers)
    assert (late.status_code, late.json()["code"]) == (412, "human_input_form_submitted")
    go_on_with_runs()
    assert Run.objects.get(id=wait.run_id).outputs == {"said": "yes", "note": "fine"}


def test_a_member_replies_on_the_page_of_the_run(server, asked, team, member, client):
    _, wait, _ = asked
    client.force_login(member)
    page = client.get(f"/apps/approval/runs/{wait.run_id}/")
    prefix = f"q{wait.id.hex[-8:]}"
    assert "Pay 7?" in page.text
    assert 'value="for 7"' in page.text
    url = f"/apps/approval/runs/{wait.run_id}/reply/{wait.id}/"
    wrong = client.post(url, {"action": "perhaps"}, follow=True)
    assert "action must be one of" in wrong.text
    right = client.post(url, {"action": "yes", f"{prefix}-note": "by hand"}, follow=True)
    assert "Pay 7?" not in right.text
    go_on_with_runs()
    assert Run.objects.get(id=wait.run_id).outputs == {"said": "yes", "note": "by hand"}
    wait.refresh_from_db()
    assert wait.answered_by == member.get_username()


def test_the_pages_of_a_run_and_its_trace_tell_its_story(asked, member, client, django_user_model):
    _, wait, _ = asked
    reply_to(wait, {"action": "yes", "note": "ok"}, by="ben@example.org")
    assert claim_safely(wait.run_id) is not None  # and that process dies before it has done anything
    Run.objects.filter(id=wait.run_id).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    go_on_with_runs()
    client.force_login(member)
    page = client.get(f"/apps/approval/runs/{wait.run_id}/").text
    told = ["May we? asks a person.", "The run waits for an answer.", "ben@example.org answered May we?: Pay."]
    told.append("another one took the run over")
    assert [line for line in told if line not in page] == []
    client.force_login(django_user_model.objects.create_superuser("root", password="x"))
    rebuild_trace(wait.run_id)
    trace = Trace.objects.get(run_id=wait.run_id)
    page = client.get(f"/admin/traces/trace/{trace.id}/change/", follow=True).text
    assert [line for line in told if line not in page] == []


def test_nobody_replies_to_the_runs_of_another_team(asked, client, django_user_model):
    _, wait, _ = asked
    stranger = django_user_model.objects.create_user("eve", "eve@example.org", "x")
    client.force_login(stranger)
    url = f"/apps/approval/runs/{wait.run_id}/reply/{wait.id}/"
    assert client.post(url, {"action": "yes"}).status_code == 404
