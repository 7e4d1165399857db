"""Chatting over the service API, with a real server and plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from apps.workflows.models import Application, Conversation, Message, Run
from apps.workflows.selectors.events import stored_events

MakeApp = Callable[..., Application]
KeyOf = Callable[..., dict[str, str]]


def sse(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """The (id, data) pairs of an event stream; pings are left out."""
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            yield fields["id"], json.loads(fields["data"])


def test_a_streamed_answer_arrives_in_order_and_is_what_the_database_keeps(
    server: str, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app())
    body = {"query": "What is a skep?", "inputs": {}, "user": "ada", "response_mode": "streaming"}
    response = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=20)
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = list(sse(response))
    names = [frame["event"] for _, frame in frames]
    assert names[0] == "workflow_started"
    assert names[-2:] == ["message_end", "workflow_finished"]
    assert names.count("node_started") == names.count("node_finished") == 3
    answer = "".join(frame["answer"] for _, frame in frames if frame["event"] == "message")
    message = Message.objects.get()
    assert answer.startswith("You said: ")
    assert message.answer == answer
    assert frames[-1][1]["data"]["status"] == "succeeded"
    assert message.run.status == "succeeded"
    assert message.input_tokens > 0


def test_a_blocking_answer_has_the_shape_that_clients_know(server: str, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app())
    body = {"query": "Hello", "inputs": {}, "user": "ada", "response_mode": "blocking"}
    reply = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=20).json()
    assert reply["event"] == "message"
    assert reply["mode"] == "advanced-chat"
    assert reply["metadata"]["usage"]["total_tokens"] > 0
    again = {**body, "query": "And then?", "conversation_id": reply["conversation_id"]}
    second = httpx.post(f"{server}/v1/chat-messages", json=again, headers=headers, timeout=20).json()
    assert second["conversation_id"] == reply["conversation_id"]
    listed = httpx.get(
        f"{server}/v1/messages",
        params={"conversation_id": reply["conversation_id"], "user": "ada"},
        headers=headers,
    ).json()
    assert [turn["query"] for turn in listed["data"]] == ["Hello", "And then?"]


def test_a_follower_can_come_back_at_any_event_on_another_process_and_gets_exactly_the_rest(
    server: str, make_app: MakeApp, key_of: KeyOf
) -> None:
    from tests.server import web_server

    headers = key_of(make_app())
    body = {"query": "What is a skep?", "inputs": {}, "user": "ada", "response_mode": "streaming"}
    frames = list(sse(httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=20)))
    run_id = frames[0][1]["task_id"]
    with web_server() as other:
        for at in range(len(frames) - 1):
            rest = httpx.get(
                f"{other}/v1/workflow/{run_id}/events",
                params={"user": "ada"},
                headers={**headers, "Last-Event-ID": frames[at][0]},
                timeout=20,
            )
            assert list(sse(rest)) == frames[at + 1 :]


def test_the_log_alone_serves_a_follower_when_redis_has_forgotten_the_run(
    server: str, make_app: MakeApp, key_of: KeyOf
) -> None:
    import redis
    from django.conf import settings

    headers = key_of(make_app())
    body = {"query": "What is a skep?", "inputs": {}, "user": "ada", "response_mode": "streaming"}
    frames = list(sse(httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=20)))
    run_id = frames[0][1]["task_id"]
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert client.delete(f"skep:run:{run_id}") == 1
    url = f"{server}/v1/workflow/{run_id}/events"
    for at in (0, len(frames) // 2, len(frames) - 2):
        rest = httpx.get(url, headers={**headers, "Last-Event-ID": frames[at][0]}, timeout=20)
        assert list(sse(rest)) == frames[at + 1 :]


def test_a_client_that_leaves_does_not_stop_the_run(server: str, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app())
    body = {"query": "What is a skep?", "inputs": {}, "user": "ada", "response_mode": "streaming"}
    with httpx.stream("POST", f"{server}/v1/chat-messages", json=body, headers=headers, timeout=20) as response:
        first = next(response.iter_lines())
    assert first.startswith("id: 1.")
    run = Run.objects.get()
    rest = httpx.get(f"{server}/v1/workflow/{run.id}/events", headers=headers, timeout=20)
    assert list(sse(rest))[-1][1]["data"]["status"] == "succeeded"
    seqs = [seq for seq, _ in stored_events(run.id)]
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"query": None}, 400, "invalid_param"),
        ({"query": "  "}, 400, "invalid_param"),
        ({"inputs": []}, 400, "invalid_param"),
        ({"inputs": {"tone": "angry"}}, 400, "invalid_param"),
        ({"response_mode": "sometimes"}, 400, "invalid_param"),
        ({"conversation_id": "0190e2a8-0000-7000-8000-000000000000"}, 404, "not_found"),
        ({"conversation_id": "nonsense"}, 404, "not_found"),
        ({"query": "x" * 100_001}, 413, "file_too_large"),
    ],
)
def test_bad_requests_get_a_typed_error_and_leave_nothing_behind(
    client: Any, make_app: MakeApp, key_of: KeyOf, change: dict[str, Any], status: int, code: str
) -> None:
    headers = key_of(make_app())
    body = {"query": "Hello", "inputs": {}, "user": "ada", "response_mode": "blocking", **change}
    response = client.post("/v1/chat-messages", body, content_type="application/json", headers=headers)
    assert response.status_code == status
    assert response.json()["code"] == code
    assert response.json()["status"] == status
    assert response.json()["message"]
    assert not Run.objects.exists()
    assert not Conversation.objects.exists()


def test_bodies_that_are_no_json_object_or_too_large_are_refused(client: Any, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app())
    for body, status in [(b"{", 400), (b"[]", 400), (b'"x"', 400), (b"{" + b" " * 11_000_000 + b"}", 413)]:
        response = client.post("/v1/chat-messages", body, content_type="application/json", headers=headers)
        assert response.status_code == status
        assert set(response.json()) >= {"code", "message", "status"}


def test_only_the_right_key_opens_an_app(client: Any, make_app: MakeApp, key_of: KeyOf) -> None:
    import datetime as dt

    app = make_app()
    body = {"query": "Hello", "inputs": {}, "user": "ada", "response_mode": "blocking"}
    refused = [
        ({}, 401, "unauthorized"),
        ({"Authorization": "Bearer app-wrong"}, 401, "unauthorized"),
        ({"Authorization": "Basic abc"}, 401, "unauthorized"),
        (key_of(app, expires_in=dt.timedelta(seconds=-1)), 401, "unauthorized"),
        (key_of(app, scopes=["feedback"]), 403, "forbidden"),
    ]
    for headers, status, code in refused:
        response = client.post("/v1/chat-messages", body, content_type="application/json", headers=headers)
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert not Run.objects.exists()


def test_end_users_and_apps_never_see_each_others_conversations(server: str, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app())
    other = key_of(make_app({**_named("Other"), "skep": 1}))
    body = {"query": "Hello", "inputs": {}, "user": "ada", "response_mode": "blocking"}
    reply = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=20).json()
    messages, conversation = f"{server}/v1/messages", reply["conversation_id"]
    for key, user, status in [(headers, "ada", 200), (headers, "bob", 404), (other, "ada", 404)]:
        params = {"conversation_id": conversation, "user": user}
        assert httpx.get(messages, params=params, headers=key).status_code == status
    assert httpx.get(f"{server}/v1/workflow/{reply['task_id']}/events", headers=other).status_code == 404


def test_a_workflow_returns_the_outputs_of_the_branch_that_ran(server: str, make_app: MakeApp, key_of: KeyOf) -> None:
    from tests.workflows.conftest import WORKFLOW

    headers = key_of(make_app(WORKFLOW))
    body = {"inputs": {"word": "hey", "loud": True}, "user": "ada", "response_mode": "blocking"}
    reply = httpx.post(f"{server}/v1/workflows/run", json=body, headers=headers, timeout=20).json()
    assert reply["data"]["status"] == "succeeded"
    assert reply["data"]["outputs"] == {"word": "hey"}
    assert reply["data"]["total_steps"] == 5
    missing = httpx.post(f"{server}/v1/workflows/run", json={**body, "inputs": {}}, headers=headers)
    assert missing.status_code == 400
    assert missing.json()["details"]["errors"][0]["path"] == "/inputs/word"
    wrong = httpx.post(f"{server}/v1/chat-messages", json={**body, "query": "x"}, headers=headers)
    assert wrong.json()["code"] == "not_chat_app"


def _named(name: str) -> dict[str, Any]:
    import yaml

    from tests.workflows.conftest import CHAT

    document: dict[str, Any] = yaml.safe_load(CHAT)
    document["app"]["name"] = name
    return document
