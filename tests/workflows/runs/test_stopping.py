"""A stop takes effect at once, wherever it is asked for, and keeps what was said."""

from __future__ import annotations

import time

import httpx
import psutil
from django.test import Client

from accounts.models import User
from apps.workflows.models import Message, Run
from tests.chaos.processes import Web
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.workflows.runs.conftest import KeyOf, MakeApp
from tests.workflows.talking import WORDS, asking, ended, eventually, streaming, text_of

#: Takes longer than any machine stalls: what is stopped was surely still being said.
LONG = [f"word{number}" for number in range(1_500)]

#: From the request to the last frame in the reader's hands: far from the half minute that the answer would take, and
#: from any polling. How long it takes on a machine with nothing else to do, the benchmark of the engine says.
LIMIT_S = 3.0


def _stopped_after(provider: OpenAIServer, reader: Web, stopper: Web, headers: dict[str, str]) -> float:
    """Stop in mid-answer; returns the seconds from the request to the end that the reader saw."""
    provider.script(Completion(" ".join(LONG), pause=0.02))
    with streaming(reader.base, headers) as events:
        frames = [next(events) for _ in range(12)]
        run_id = frames[0][1]["task_id"]
        asked = time.monotonic()
        reply = httpx.post(f"{stopper.base}/v1/chat-messages/{run_id}/stop", json={"user": "ada"}, headers=headers)
        assert reply.json() == {"result": "success"}
        frames += list(events)
        seen = time.monotonic() - asked
    assert frames[-1][1]["event"] == "workflow_finished"
    assert frames[-1][1]["data"]["status"] == "stopped"
    said = text_of(frames)
    assert said
    assert " ".join(LONG).startswith(said)
    assert len(said.split()) < len(LONG)
    run, message = Run.objects.get(id=run_id), Message.objects.get(run_id=run_id)
    assert (run.status, message.status, message.answer) == ("stopped", "stopped", said)
    assert run.outputs == {"answer": said}
    return seen


def test_a_stop_is_seen_at_once_also_from_another_process(
    web: Web, other_web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    own = min(_stopped_after(provider, web, web, headers) for _ in range(5))
    other = min(_stopped_after(provider, web, other_web, headers) for _ in range(5))
    print(f"stop seen after {own * 1000:.0f} ms, from another process after {other * 1000:.0f} ms")
    assert own < LIMIT_S
    assert other < LIMIT_S


def test_a_stopped_run_leaves_the_provider_at_once(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf, member: User
) -> None:
    app = make_app(asking())
    headers = key_of(app)
    provider.script(Completion(" ".join(WORDS), hang_after=5))
    with streaming(web.base, headers) as events:
        frames = [next(events) for _ in range(8)]
        run_id = frames[0][1]["task_id"]
        httpx.post(f"{web.base}/v1/chat-messages/{run_id}/stop", json={"user": "ada"}, headers=headers)
        frames += list(events)
    ended(run_id)
    eventually(lambda: _has_no_reader(provider), within=2)
    told = [frame["data"]["status"] for _id, frame in frames if frame["event"] == "node_finished"]
    assert "stopped" in told
    assert "failed" not in told
    browser = Client()
    browser.force_login(member)
    shown = {step["status"] for step in browser.get(f"/apps/{app.slug}/runs/{run_id}/").context["steps"]}
    assert "stopped" in shown
    assert "failed" not in shown


def _has_no_reader(provider: OpenAIServer) -> bool:
    """Whether all connections to the provider are closed (a stream cannot be left in any other way)."""
    return not {
        connection.laddr.port
        for connection in psutil.net_connections("tcp4")
        if connection.status == "ESTABLISHED" and connection.laddr.port == provider.port
    }


def test_stopping_twice_or_after_the_end_changes_nothing(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    with streaming(web.base, headers) as events:
        first, *_ = events
        run_id = first[1]["task_id"]
    for _ in range(2):
        reply = httpx.post(f"{web.base}/v1/chat-messages/{run_id}/stop", json={"user": "ada"}, headers=headers)
        assert reply.status_code == 200
    assert Run.objects.get(id=run_id).status == "succeeded"
    for user, status in [("bob", 404), ("ada", 200)]:
        url = f"{web.base}/v1/workflows/tasks/{run_id}/stop"
        assert httpx.post(url, json={"user": user}, headers=headers).status_code == status
    assert httpx.post(f"{web.base}/v1/chat-messages/nonsense/stop", json={}, headers=headers).status_code == 404
