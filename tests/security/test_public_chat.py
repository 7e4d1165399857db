"""What visitors of a public chat, and pages of other programs, get out of a running server: nothing of the team's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from accounts.models import Role, User
from apps.annotations import services as annotations
from apps.workflows import services
from apps.workflows.models import Application
from tests.security.conftest import Tenant

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
BROKEN = """
skep: 1
app: {name: Broken, kind: chat}
nodes:
  - {id: start, type: start}
  - {id: inner_step, type: llm, config: {model: {name: bees-models/secret-model}, prompt: [{role: user, text: Hi}]}}
  - {id: say, type: answer, config: {text: "{{ inner_step.text }}"}}
edges: [{from: start, to: inner_step}, {from: inner_step, to: say}]
"""

Visit = Callable[[Application], "Visitor"]


class Visitor:
    """A browser on a public chat page."""

    def __init__(self, server: str, slug: str) -> None:
        self.server, self.slug = server, slug
        self.http = httpx.Client(base_url=server)
        assert self.http.get(f"/chat/{slug}/").status_code == 200

    def ask(self, **frame: Any) -> list[dict[str, Any]]:
        """Everything that comes back until the run ends or an error refuses it."""
        cookie = f"skep_visitor={self.http.cookies['skep_visitor']}"
        url = f"ws://{urlsplit(self.server).netloc}/ws/apps/{self.slug}/?public=1"
        frames: list[dict[str, Any]] = []
        with connect(url, additional_headers={"Cookie": cookie}, open_timeout=20) as connection:
            connection.send(json.dumps(frame))
            while not frames or (frames[-1]["event"] != "workflow_finished" and "task_id" in frames[-1]):
                frames.append(json.loads(connection.recv(timeout=15)))
        return frames

    def history(self) -> httpx.Response:
        return self.http.get(f"/chat/{self.slug}/history/?conversation=latest")


@pytest.fixture
def visit(server: str) -> Iterator[Callable[[Application], Visitor]]:
    """Opens an app's public chat page in a browser of its own."""
    with ExitStack() as browsers:

        def make(application: Application) -> Visitor:
            services.set_public(application, is_public=True)
            visitor = Visitor(server, application.slug)
            browsers.callback(visitor.http.close)
            return visitor

        yield make


def test_a_visitor_reads_that_an_answer_failed_but_not_what_of_the_team_failed(visit: Visit, bees: Tenant) -> None:
    app, _saved = services.import_document(text=BROKEN, team_id=bees.team.id)
    bees.provider.base_url = "http://127.0.0.1:9/v1"
    bees.provider.chat_models = ["secret-model"]
    bees.provider.save()
    visitor = visit(app)
    frames = visitor.ask(type="chat", query="Hello")
    assert frames[-1]["data"]["status"] == "failed"
    assert next(frame["code"] for frame in frames if frame["event"] == "error")
    for text in (json.dumps(frames), visitor.history().text):
        for inner in ("127.0.0.1", "EGRESS", "bees-models", "secret-model"):
            assert inner not in text


def test_a_visitor_is_not_told_who_of_the_team_reviewed_an_answer(
    visit: Visit, bees: Tenant, person: Callable[..., User]
) -> None:
    reviewer = person(bees=Role.OPERATOR)
    User.objects.filter(id=reviewer.id).update(username="grace-the-reviewer")
    visitor = visit(bees.app)
    message_id = visitor.ask(type="chat", query="What is a skep?")[0]["message_id"]
    reviewer.refresh_from_db()
    annotations.correct_answer(message_id, "A hive made of straw.", by=reviewer, approve=True)
    again = visitor.ask(type="chat", query="What is a skep?")
    assert any(frame.get("answer") == "A hive made of straw." for frame in again)
    ending = next(frame for frame in again if frame["event"] == "message_end")
    assert ending["metadata"]["annotation_reply"]["question"] == "What is a skep?"
    for text in (json.dumps(again), visitor.history().text):
        assert "grace-the-reviewer" not in text


def test_a_visitor_takes_nothing_of_another_visitor(visit: Visit, bees: Tenant) -> None:
    first, second = (visit(bees.app) for _ in range(2))
    started = first.ask(type="chat", query="My number is 4242")[0]
    assert "4711" not in json.dumps(first.history().json()), "the prompt is the team's"
    for frame in (
        {"type": "follow", "run_id": started["workflow_run_id"], "user": "x"},
        {"type": "stop", "run_id": started["workflow_run_id"]},
        {"type": "chat", "query": "Go on", "conversation_id": started["conversation_id"]},
    ):
        (refusal,) = second.ask(**frame)
        assert refusal["status"] == 404
    assert second.ask(type="chat", query="Hi", version="draft")[0]["status"] == 403
    assert second.history().status_code == 404
    token = {"X-CSRFToken": second.http.cookies["csrftoken"]}
    refused = second.http.post(f"/feedback/{started['message_id']}/", json={"rating": "like"}, headers=token)
    assert refused.status_code == 404


@pytest.mark.parametrize("own", [True, False])
def test_only_pages_of_the_very_host_and_port_open_a_socket_with_a_session(
    server: str, bees: Tenant, signed_in: Callable[..., Client], own: bool
) -> None:
    cookie = signed_in(bees=Role.OWNER).cookies[settings.SESSION_COOKIE_NAME].value
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
    url = f"ws://{urlsplit(server).netloc}/ws/apps/{bees.app.slug}/"
    if own:
        with connect(url, additional_headers=headers, origin=server, open_timeout=20) as connection:  # type: ignore[arg-type]
            connection.send(json.dumps({"type": "ping"}))
            assert json.loads(connection.recv(timeout=15)) == {"event": "pong"}
        return
    for origin in ("http://127.0.0.1:1", "http://localhost:3000", "null", "http://[", "https://evil.example"):
        with pytest.raises(InvalidStatus, match=r"40[03]"):
            connect(url, additional_headers=headers, origin=origin, open_timeout=20)  # type: ignore[arg-type]
