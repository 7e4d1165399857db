"""Text that was streamed and does not hold: whoever reads along ends with exactly the final text.

Three reasons (a retry, a fallback, another process that takes over) times two ways to read (SSE, WebSocket).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from apps.workflows.models import Application, Message, Run
from apps.workflows.services import go_on_with_runs
from tests.chaos.processes import Web, web_process
from tests.chaos.test_web_dies import Reader, expire
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.workflows.runs.test_websocket import as_items, hear, hear_run, say, socket
from tests.workflows.talking import WORDS, Item, asking, chat, ended, eventually, rest_of, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
MakeApp = Callable[..., Application]
KeyOf = Callable[..., dict[str, str]]
Asks = Callable[[Web, Application, dict[str, str]], list[Item]]

HALF = Completion("this half of an answer is never finished", cut_after=5, pause=0.02)
WHOLE = Completion("the whole answer", pause=0.02)


def by_stream(web: Web, _app: Application, headers: dict[str, str]) -> list[Item]:
    """A turn over SSE."""
    return chat(web.base, headers)


def by_socket(web: Web, app: Application, headers: dict[str, str]) -> list[Item]:
    """A turn over WebSocket."""
    with socket(web, app, headers) as connection:
        say(connection, type="chat", query="What is a skep?", user="ada")
        return as_items(hear_run(connection))


def replacements(frames: list[Item]) -> list[dict[str, Any]]:
    return [
        {key: frame.get(key) for key in ("answer", "reason", "attempt")}
        for _, frame in frames
        if frame["event"] == "message_replace"
    ]


def with_policy(policy: dict[str, Any]) -> dict[str, Any]:
    document = asking()
    document["nodes"][1]["on_error"] = policy
    return document


@pytest.mark.parametrize("ask", [by_stream, by_socket])
def test_after_a_retry_a_reader_has_the_text_of_the_last_attempt(
    survivor: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf, ask: Asks
) -> None:
    app = make_app(with_policy({"retry": {"times": 2, "first": "10ms"}}))
    provider.script(HALF, HALF, WHOLE)
    headers = key_of(app)
    frames = ask(survivor, app, headers)
    assert [(one["answer"], one["reason"], one["attempt"]) for one in replacements(frames)] == [
        ("", "retry", 2),
        ("", "retry", 3),
    ]
    _all_agree(frames, survivor, headers, "the whole answer")


@pytest.mark.parametrize("ask", [by_stream, by_socket])
def test_after_a_fallback_a_reader_has_the_text_that_stands_in(
    survivor: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf, ask: Asks
) -> None:
    app = make_app(with_policy({"then": "default", "outputs": {"text": "Nobody is here."}}))
    provider.script(HALF)
    headers = key_of(app)
    frames = ask(survivor, app, headers)
    assert [(one["answer"], one["reason"]) for one in replacements(frames)] == [("", "failure")]
    _all_agree(frames, survivor, headers, "Nobody is here.")


@pytest.mark.parametrize("ask", [by_stream, by_socket])
def test_after_a_failure_with_a_branch_of_its_own_a_reader_has_what_the_branch_says(
    survivor: Web, provider: OpenAIServer, make_app: MakeApp, key_of: KeyOf, ask: Asks
) -> None:
    document = with_policy({"then": "branch"})
    document["nodes"].append({"id": "sorry", "type": "answer", "config": {"text": "Sorry: {{ reply.error.code }}"}})
    document["edges"].append({"from": "reply", "to": "sorry", "when": "error"})
    app = make_app(document)
    provider.script(HALF)
    headers = key_of(app)
    frames = ask(survivor, app, headers)
    assert replacements(frames)[0]["reason"] == "failure"
    said = text_of(frames)
    assert said.startswith("Sorry: ")
    _all_agree(frames, survivor, headers, said)


class SocketReader(threading.Thread):
    """Reads an answer over a WebSocket for as long as its process lives."""

    def __init__(self, web: Web, app: Application, headers: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.frames: list[Item] = []
        self._ask = (web, app, headers)
        self.start()

    def run(self) -> None:
        with suppress(ConnectionClosed, OSError), socket(*self._ask) as connection:
            say(connection, type="chat", query="What is a skep?", user="ada")
            while True:
                self.frames += as_items([hear(connection)])

    def has_seen(self, pieces: int) -> bool:
        return sum(frame["event"] == "message" for _, frame in self.frames) >= pieces


def test_after_a_takeover_readers_of_both_kinds_have_the_text_of_the_second_attempt(
    survivor: Web, elsewhere: None, environment: dict[str, str], make_app: MakeApp, key_of: KeyOf
) -> None:
    app = make_app(asking())
    headers = key_of(app)
    with web_process(**environment) as victim:
        readers = Reader(victim, headers), SocketReader(victim, app, headers)
        eventually(lambda: all(reader.has_seen(6) for reader in readers))
        victim.kill()
    for reader in readers:
        reader.join(10)
    seen = [list(reader.frames) for reader in readers]
    runs = [str(frames[0][1]["task_id"]) for frames in seen]
    for run_id in runs:
        expire(run_id)
    assert go_on_with_runs() == 2
    for frames, run_id in zip(seen, runs, strict=True):
        at = frames[-1][0]
        with socket(survivor, app, headers) as connection:
            say(connection, type="follow", run_id=run_id, last_event_id=at)
            followed = as_items(hear_run(connection))
        assert followed == rest_of(survivor.base, headers, run_id, after=at)
        told = [(one["answer"], one["reason"], one["attempt"]) for one in replacements(followed)]
        assert told == [("", "takeover", 2)]
        _all_agree(frames + followed, survivor, headers, " ".join(WORDS))


def _all_agree(frames: list[Item], web: Web, headers: dict[str, str], text: str) -> None:
    """The live reader, one who comes later, the message and the run have the same text."""
    run_id = str(frames[0][1]["task_id"])
    ended(run_id)
    assert text_of(frames) == text
    assert text_of(rest_of(web.base, headers, run_id)) == text
    assert Message.objects.get(run_id=run_id).answer == text
    assert Run.objects.get(id=run_id).outputs["answer"] == text
