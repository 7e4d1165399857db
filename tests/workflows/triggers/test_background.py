"""Background runs: accepted at once, executed by a worker, and never lost."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import httpx
import pytest
import redis
from django.conf import settings
from django.utils import timezone

from apps.workflows import services
from apps.workflows.engine.events import NodeStarted
from apps.workflows.models import Firing, Message, Run, Trigger
from apps.workflows.selectors.events import stored_events
from apps.workflows.services import background
from support.jobs import enqueue
from tests.workflows.conftest import WORKFLOW
from tests.workflows.talking import WORDS, chat_body, ended, eventually, rest_of
from tests.workflows.triggers.conftest import kill
from tests.workflows.triggers.hooks import ticking

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

SLOW = {
    "skep": 1,
    "app": {"name": "Slow", "kind": "workflow"},
    "nodes": [
        {"id": "start", "type": "start"},
        {"id": "first", "type": "variable-aggregator", "config": {"variables": ["sys.run_id"]}},
        {
            "id": "ask",
            "type": "llm",
            "config": {"model": {"name": "openai/gpt-4o-mini"}, "prompt": [{"role": "user", "text": "Tell"}]},
        },
        {"id": "end", "type": "end", "config": {"outputs": {"id": "first.output", "text": "ask.text"}}},
    ],
    "edges": [{"from": "start", "to": "first"}, {"from": "first", "to": "ask"}, {"from": "ask", "to": "end"}],
}


def start(server, headers, **body):
    body = {"inputs": {"word": "bee"}, "user": "ada", "response_mode": "background", **body}
    return httpx.post(f"{server}/v1/workflows/run", json=body, headers=headers, timeout=30)


def begun(run_id, node_id):
    return [event for _, event in stored_events(run_id) if isinstance(event, NodeStarted) and event.node_id == node_id]


def test_a_background_run_is_accepted_at_once_and_followed_like_any_other(server, make_app, key_of, empty_queue):
    headers = key_of(make_app(WORKFLOW))
    reply = start(server, headers)
    assert reply.status_code == 202
    run = Run.objects.get(id=reply.json()["workflow_run_id"])
    assert (run.status, run.lease_owner, run.epoch) == ("running", "", 0)
    assert reply.json() == {
        "task_id": str(run.id),
        "workflow_run_id": str(run.id),
        "status": "running",
        "created_at": int(run.started_at.timestamp()),
    }
    assert services.go_on_with_run(run.id)
    assert not services.go_on_with_run(run.id)  # a message that comes twice
    outcome = httpx.get(f"{server}/v1/workflows/run/{run.id}", headers=headers).json()
    assert (outcome["status"], outcome["outputs"]) == ("succeeded", {"word": "bee"})
    names = [frame["event"] for _, frame in rest_of(server, headers, str(run.id))]
    assert names[0] == "workflow_started"
    assert names[-1] == "workflow_finished"


def test_a_chat_turn_may_run_in_the_background_too(server, make_app, key_of, empty_queue):
    headers = key_of(make_app())
    body = chat_body(response_mode="background")
    reply = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=30)
    assert reply.status_code == 202
    assert services.go_on_with_run(reply.json()["task_id"])
    message = Message.objects.get(id=reply.json()["message_id"])
    assert str(message.conversation_id) == reply.json()["conversation_id"]
    assert message.answer.startswith("You said: ")


def test_a_wrong_request_is_refused_before_anything_is_accepted(server, make_app, key_of):
    headers = key_of(make_app(WORKFLOW))
    assert start(server, headers, inputs={}).status_code == 400
    assert start(server, headers, response_mode="later").json()["code"] == "invalid_param"
    assert not Run.objects.exists()


def test_a_run_whose_message_was_lost_is_found_when_its_first_lease_is_over(server, make_app, key_of, empty_queue):
    run_id = start(server, key_of(make_app(WORKFLOW))).json()["task_id"]
    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        assert queue.delete("runs") == 1
    assert services.go_on_with_runs() == 0  # a worker may still be about to take it
    Run.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert services.go_on_with_runs() == 1
    assert Run.objects.get(id=run_id).status == "succeeded"


def test_a_broker_that_is_away_costs_time_and_no_run(make_app, monkeypatch, caplog):
    def away(*_args):
        raise redis.ConnectionError("nobody there")

    monkeypatch.setattr(background, "enqueue", away)
    app = make_app(WORKFLOW)
    accepted = services.accept_workflow(
        application=app, version=app.live, inputs={"word": "x"}, source="api", end_user="", for_worker=True
    )
    services.hand_to_worker(accepted)
    assert "it is found later" in caplog.text
    assert Run.objects.get().status == "running"


def test_a_background_run_that_is_stopped_before_a_worker_has_it_never_begins(server, make_app, key_of, empty_queue):
    headers = key_of(make_app(WORKFLOW))
    run_id = start(server, headers).json()["task_id"]
    stop = f"{server}/v1/workflows/tasks/{run_id}/stop"
    assert httpx.post(stop, json={"user": "ada"}, headers=headers).status_code == 200
    services.go_on_with_run(run_id)
    assert Run.objects.get().status == "stopped"
    assert not begun(run_id, "start")


def test_a_worker_that_is_killed_in_mid_run_is_followed_by_another(server, make_app, key_of, start_worker):
    run_id = start(server, key_of(make_app(SLOW)), inputs={}).json()["task_id"]
    first = start_worker()
    eventually(lambda: begun(run_id, "ask"), within=60)
    kill(first)
    run = Run.objects.get(id=run_id)
    assert (run.status, run.epoch) == ("running", 1)
    Run.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))  # nobody renews the lease of the dead
    enqueue("workflows.go_on_with_runs")  # as the scheduler does every 15 seconds
    start_worker()
    run = ended(run_id, within=60)
    assert (run.status, run.epoch) == ("succeeded", 2)
    assert run.outputs == {"id": run_id, "text": " ".join(WORDS)}
    assert len(begun(run_id, "first")) == 1
    assert len(begun(run_id, "ask")) == 2


def test_a_worker_executes_runs_that_wait_side_by_side(server, make_app, key_of, start_worker):
    headers = key_of(make_app(SLOW))
    run_ids = [start(server, headers, inputs={}).json()["task_id"] for _ in range(6)]
    start_worker()
    runs = [ended(run_id, within=60) for run_id in run_ids]
    assert {run.status for run in runs} == {"succeeded"}
    first_end = min(run.finished_at.timestamp() for run in runs)
    assert all(begun(run_id, "ask")[0].at < first_end for run_id in run_ids)


def test_a_long_background_run_delays_no_schedule(server, make_app, key_of, start_worker):
    asks = [{**next(one for one in SLOW["nodes"] if one["id"] == "ask"), "id": f"ask{number}"} for number in range(20)]
    names = ["start", *(one["id"] for one in asks), "end"]
    end = {"id": "end", "type": "end", "config": {"outputs": {"text": "ask0.text"}}}
    long = {
        **SLOW,
        "app": {**SLOW["app"], "name": "Long"},
        "nodes": [{"id": "start", "type": "start"}, *asks, end],
        "edges": [{"from": one, "to": other} for one, other in pairwise(names)],
    }
    make_app(ticking(every="hour"))
    run_id = start(server, key_of(make_app(long)), inputs={}).json()["task_id"]
    start_worker(queues="runs", processes=2)
    start_worker(queues="celery")
    eventually(lambda: begun(run_id, "ask0"), within=60)
    Trigger.objects.update(next_at=timezone.now())
    enqueue("workflows.fire_due_triggers")
    fired = eventually(lambda: Firing.objects.first(), within=40)
    eventually(lambda: Run.objects.filter(id=fired.run_id, status="succeeded").first(), within=40)
    assert Run.objects.get(id=run_id).status == "running"
