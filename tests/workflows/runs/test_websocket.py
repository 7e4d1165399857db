"""Chatting over WebSocket with a real server: the same frames as SSE, and requests the other way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from apps.workflows.models import Application, Conversation, Message, Run
from apps.workflows.services import set_public
from tests.chaos.processes import Web
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.workflows.runs.conftest import DRIP, KeyOf, MakeApp
from tests.workflows.talking import WORDS, Frame, Item, asking, chat, ended, eventually, rest_of, text_of

ENDED = "workflow_finished"


@contextmanager
def socket(web: Web, app: Application, headers: dict[str, str] | None = None, query: str = "") -> Iterator[Any]:
    """A connection to an app."""
    url = f"{web.socket}/ws/apps/{app.slug}/{query}"
    with connect(url, additional_headers=headers or {}, open_timeout=20, close_timeout=5) as connection:
        yield connection


def say(connection: ClientConnection, **frame: Any) -> None:
    connection.send(json.dumps(frame))


def hear(connection: ClientConnection, *, timeout: float = 15) -> Frame:
    """The next frame that is no ping."""
    while (frame := json.loads(connection.recv(timeout=timeout)))["event"] == "ping":
        pass
    return dict(frame)


def hear_run(connection: ClientConnection) -> list[Frame]:
    """All frames of one run to its end."""
    frames = [hear(connection)]
    while frames[-1]["event"] != ENDED:
        assert "task_id" in frames[-1], frames[-1]
        frames.append(hear(connection))
    return frames


def as_items(frames: list[Frame]) -> list[Item]:
    """WebSocket frames in the form in which the tests know those of SSE."""
    return [(frame.pop("event_id"), frame) for frame in ({**frame} for frame in frames)]


def test_a_chat_by_key_has_exactly_the_frames_of_the_event_stream(web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    app = make_app(asking())
    headers = key_of(app)
    with socket(web, app, headers) as connection:
        say(connection, type="chat", query="What is a skep?", user="ada")
        by_socket = as_items(hear_run(connection))
    run = Run.objects.get()
    assert (run.status, run.source, run.end_user) == ("succeeded", "api", "ada")
    assert rest_of(web.base, headers, str(run.id)) == by_socket
    assert Message.objects.get().answer == text_of(by_socket)


def test_the_key_may_come_in_the_first_frame(web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    app = make_app(asking())
    key = key_of(app)["Authorization"].removeprefix("Bearer ")
    with socket(web, app) as connection:
        say(connection, type="chat", query="Hello")
        assert hear(connection)["code"] == "unauthorized"
        say(connection, type="auth", key="app-wrong")
        assert hear(connection)["status"] == 401
        say(connection, type="auth", key=key)
        assert hear(connection) == {"event": "ready"}
        say(connection, query="Hello")
        assert hear_run(connection)[-1]["data"]["status"] == "succeeded"


def test_a_key_of_another_app_or_a_bad_one_is_refused_and_the_connection_closed(
    web: Web, make_app: MakeApp, key_of: KeyOf
) -> None:
    app, other = make_app(asking()), make_app(asking("Other"))
    for headers in (key_of(other), key_of(app, scopes=["feedback"]), {"Authorization": "Bearer nonsense"}):
        with socket(web, app, headers) as connection:
            assert hear(connection)["status"] in {401, 403}
            with pytest.raises(ConnectionClosed) as closed:
                connection.recv(timeout=5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401


def _session(client: Client) -> dict[str, str]:
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}


def test_a_member_chats_by_session_with_the_draft_and_a_stranger_does_not(
    web: Web, make_app: MakeApp, member: Any, django_user_model: Any, client: Client
) -> None:
    app = make_app(asking())
    client.force_login(member)
    with socket(web, app, {**_session(client), "Origin": web.base}) as connection:
        say(connection, type="chat", query="Hello", version="draft")
        hear_run(connection)
    run = Run.objects.get()
    assert (run.source, run.end_user, run.version_id) == ("console", "ada", app.draft_id)
    stranger = Client()
    stranger.force_login(django_user_model.objects.create_user(username="eve", password="secret-eve"))
    with socket(web, app, _session(stranger)) as connection:
        say(connection, type="chat", query="Hello")
        assert hear(connection)["code"] == "unauthorized"
    assert Run.objects.count() == 1


def test_a_page_of_another_site_cannot_use_a_members_session(
    web: Web, make_app: MakeApp, member: Any, client: Client
) -> None:
    client.force_login(member)
    app = make_app(asking())
    with (
        pytest.raises(Exception, match="403"),
        socket(web, app, {**_session(client), "Origin": "https://evil.example"}),
    ):
        pass


def test_a_visitor_chats_with_a_public_app_and_sees_no_inner_values(web: Web, make_app: MakeApp) -> None:
    app = make_app(asking())
    with socket(web, app, query="?public=1") as connection:
        assert hear(connection)["status"] == 404
    set_public(app, is_public=True)
    page = httpx.get(f"{web.base}/chat/{app.slug}/")
    cookie = {"Cookie": f"skep_visitor={page.cookies['skep_visitor']}"}
    with socket(web, app, cookie, query="?public=1") as connection:
        say(connection, type="chat", query="Hello", user="admin", version="draft")
        assert hear(connection)["status"] == 403
        say(connection, type="chat", query="Hello", user="admin")
        frames = hear_run(connection)
    assert {frame["data"]["inputs"] is None for frame in frames if frame["event"] == "node_finished"} == {True}
    conversation = Conversation.objects.get()
    assert conversation.source == "public"
    assert conversation.end_user.startswith("visitor-")


def test_a_reader_may_change_connections_and_processes_in_the_middle_of_an_answer(
    web: Web, other_web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    app = make_app(asking())
    headers = key_of(app)
    provider.script(DRIP)
    with socket(web, app, headers) as connection:
        say(connection, type="chat", query="Hello", user="ada")
        frames = [hear(connection) for _ in range(8)]
    run_id = frames[0]["task_id"]
    for turn in range(4):
        with socket((other_web, web)[turn % 2], app, headers) as connection:
            say(connection, type="follow", run_id=run_id, last_event_id=frames[-1]["event_id"])
            frames += [hear(connection) for _ in range(6)]
    with socket(other_web, app, headers) as connection:
        say(connection, type="follow", run_id=run_id, last_event_id=frames[-1]["event_id"])
        frames += hear_run(connection)
    assert as_items(frames) == rest_of(web.base, headers, run_id)
    assert text_of(as_items(frames)) == " ".join(WORDS) == Message.objects.get().answer
    with socket(other_web, app, headers) as connection:  # long after the end
        for at in (0, 5, len(frames) - 2):
            say(connection, type="follow", run_id=run_id, last_event_id=frames[at]["event_id"])
            assert hear_run(connection) == frames[at + 1 :]


def test_a_stop_by_frame_takes_effect_at_once(
    web: Web, other_web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    app = make_app(asking())
    headers = key_of(app)
    times = []
    for stopper in (web, other_web, web, other_web):
        provider.script(DRIP)
        with socket(web, app, headers) as reader, socket(stopper, app, headers) as other:
            say(reader, type="chat", query="Hello")
            frames = [hear(reader) for _ in range(10)]
            asked = time.monotonic()
            say(other, type="stop", run_id=frames[0]["task_id"])
            frames += hear_run(reader)
            times.append(time.monotonic() - asked)
        assert frames[-1]["data"]["status"] == "stopped"
        assert Message.objects.get(run_id=frames[0]["task_id"]).answer == text_of(as_items(frames))
    assert min(times) < 0.25


def test_several_runs_share_a_connection_without_mixing(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    app = make_app(asking())
    provider.default = Completion(" ".join(WORDS), pause=0.05)
    with socket(web, app, key_of(app)) as connection:
        for number in range(8):
            say(connection, type="chat", query=f"Question {number}")
        eventually(lambda: len(provider.requests) == 8)
        say(connection, type="chat", query="One too many")
        runs: dict[str, list[Frame]] = {}
        refused = []
        while sum(frames[-1]["event"] == ENDED for frames in runs.values()) < 8:
            frame = hear(connection)
            if frame["event"] == "error":
                refused.append(frame)
            else:
                runs.setdefault(frame["task_id"], []).append(frame)
    assert [frame["status"] for frame in refused] == [429]
    assert len(runs) == 8
    for run_id, frames in runs.items():
        assert text_of(as_items(frames)) == " ".join(WORDS) == Message.objects.get(run_id=run_id).answer


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("{", "invalid_param"),
        ("[]", "invalid_param"),
        ("", "invalid_param"),
        (b"\xff\x00", "invalid_param"),
        ("[" * 5000, "invalid_param"),
        ('{"type": "dance"}', "invalid_param"),
        ('{"type": ["chat"]}', "invalid_param"),
        ('{"type": "chat"}', "invalid_param"),
        ('{"type": "chat", "query": 7}', "invalid_param"),
        ('{"type": "chat", "query": "x", "inputs": []}', "invalid_param"),
        ('{"type": "chat", "query": "x", "user": 7}', "invalid_param"),
        ('{"type": "chat", "query": "x", "conversation_id": "nonsense"}', "not_found"),
        ('{"type": "run", "inputs": {}}', "not_workflow_app"),
        ('{"type": "follow"}', "not_found"),
        ('{"type": "follow", "run_id": "nonsense"}', "not_found"),
        ('{"type": "follow", "run_id": {"a": 1}}', "invalid_param"),
        ('{"type": "stop", "run_id": "0190e2a8-0000-7000-8000-000000000000"}', "not_found"),
    ],
)
def test_a_bad_frame_gets_an_error_and_the_connection_lives(
    web: Web, make_app: MakeApp, key_of: KeyOf, sent: str | bytes, code: str
) -> None:
    app = make_app(asking())
    with socket(web, app, key_of(app)) as connection:
        connection.send(sent)
        frame = hear(connection)
        assert (frame["event"], frame["code"]) == ("error", code)
        assert frame["message"]
        say(connection, type="ping")
        assert hear(connection) == {"event": "pong"}
    assert not Run.objects.exists()


def test_runs_of_others_can_be_neither_followed_nor_stopped(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf, member: Any, client: Client
) -> None:
    app, other = make_app(asking()), make_app(asking("Other"))
    frames = chat(web.base, key_of(other))
    foreign = frames[0][1]["task_id"]
    mine = chat(web.base, key_of(app))[0][1]["task_id"]
    client.force_login(member)
    for headers, run_id, user in [
        (key_of(app), foreign, ""),
        (key_of(app), mine, "bob"),
        (_session(client), mine, ""),
    ]:
        with socket(web, app, headers) as connection:
            for kind in ("follow", "stop"):
                say(connection, type=kind, run_id=run_id, user=user)
                assert hear(connection)["code"] == "not_found"


def test_leaving_in_the_middle_stops_neither_the_run_nor_the_server(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    app = make_app(asking())
    provider.default = Completion(" ".join(WORDS), pause=0.01)
    headers = key_of(app)
    runs = []
    for _ in range(3):
        with socket(web, app, headers) as connection:
            say(connection, type="chat", query="Hello")
            runs.append(hear(connection)["task_id"])
            connection.socket.close()  # as when a phone leaves the network
    for run_id in runs:
        assert ended(run_id).status == "succeeded"
        assert Message.objects.get(run_id=run_id).answer == " ".join(WORDS)
    assert "Task exception was never retrieved" not in web.log.read_text()


def test_a_reader_that_does_not_read_stalls_nobody(
    web: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf
) -> None:
    app = make_app(asking())
    headers = key_of(app)
    provider.default = Completion(" ".join(["long" * 2000] * 100))
    with socket(web, app, headers) as connection:
        connection.recv_bufsize = 1
        say(connection, type="chat", query="Hello")
        run_id = hear(connection)["task_id"]
        assert ended(run_id).status == "succeeded"
        provider.default = Completion("Quick.")
        began = time.monotonic()
        assert text_of(chat(web.base, headers)) == "Quick."
        assert time.monotonic() - began < 3
