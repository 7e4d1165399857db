"""Talking to apps over HTTP as a client does: documents that call a provider, event streams, patience."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from apps.workflows.models import Run

Frame = dict[str, Any]
Item = tuple[str, Frame]

WORDS = [f"word{number}" for number in range(60)]


def asking(name: str = "Asking", *, model: str = "openai/gpt-4o-mini", timeout: str = "") -> dict[str, Any]:
    """A chat app that passes a provider's reply on."""
    reply: dict[str, Any] = {
        "id": "reply",
        "type": "llm",
        "config": {"model": {"name": model}, "prompt": [{"role": "user", "text": "{{ sys.query }}"}]},
    }
    if timeout:
        reply["timeout"] = timeout
    return {
        "skep": 1,
        "app": {"name": name, "kind": "chat"},
        "nodes": [
            {"id": "start", "type": "start"},
            reply,
            {"id": "say", "type": "answer", "config": {"text": "{{ reply.text }}"}},
        ],
        "edges": [{"from": "start", "to": "reply"}, {"from": "reply", "to": "say"}],
    }


def chat_body(query: str = "What is a skep?", **more: Any) -> dict[str, Any]:
    """The body of a turn."""
    return {"query": query, "inputs": {}, "user": "ada", "response_mode": "streaming", **more}


def items(response: httpx.Response) -> Iterator[Item]:
    """The (id, data) pairs of an event stream, as they arrive; pings are left out."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            yield fields.get("id", ""), json.loads(fields["data"])
        fields = {}


@contextmanager
def streaming(base: str, headers: dict[str, str], **body: Any) -> Iterator[Iterator[Item]]:
    """A turn whose events are read while they come."""
    with (
        httpx.Client(timeout=30) as client,
        client.stream("POST", f"{base}/v1/chat-messages", json=chat_body(**body), headers=headers) as response,
    ):
        assert response.status_code == 200, response.read()
        yield items(response)


def chat(base: str, headers: dict[str, str], **body: Any) -> list[Item]:
    """A whole streamed turn."""
    with streaming(base, headers, **body) as events:
        return list(events)


def ask(base: str, headers: dict[str, str], **body: Any) -> httpx.Response:
    """A whole blocking turn."""
    body = chat_body(**{"response_mode": "blocking", **body})
    return httpx.post(f"{base}/v1/chat-messages", json=body, headers=headers, timeout=30)


def rest_of(base: str, headers: dict[str, str], run_id: str, *, after: str = "") -> list[Item]:
    """What a reader that comes back gets, to the end of the run."""
    last = {"Last-Event-ID": after} if after else {}
    url = f"{base}/v1/workflow/{run_id}/events"
    with httpx.Client(timeout=60) as client, client.stream("GET", url, headers={**headers, **last}) as response:
        assert response.status_code == 200, response.read()
        return list(items(response))


def text_of(frames: list[Item]) -> str:
    """The answer as a reader puts it together."""
    said = ""
    for _, frame in frames:
        if frame["event"] == "message":
            said += frame["answer"]
        elif frame["event"] == "message_replace":
            said = frame["answer"]
    return said


def eventually(what: Callable[[], Any], *, within: float = 10.0) -> Any:
    """The first true value of `what`."""
    deadline = time.monotonic() + within
    while not (value := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


def ended(run_id: str, *, within: float = 10.0) -> Run:
    """The run once it has an end."""
    return eventually(lambda: Run.objects.filter(id=run_id).exclude(status="running").first(), within=within)
