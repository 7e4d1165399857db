"""A local HTTP server that speaks the OpenAI-compatible protocol, for tests that need a provider on the wire.

It is a double of the *wire*, not of our client: real sockets, real bytes. Tell it what to answer in turn; with
an empty script it answers with `default`. What it was asked is in `requests`.

    async with OpenAIServer() as server:                     # in the running event loop
        server.script(Completion("Hello there", split=1), Refusal(429, headers={"Retry-After": "7"}))
        endpoint = Endpoint(provider="openai", base_url=server.base_url, api_key="k", policy=server.policy)

    with OpenAIServer().in_thread() as server:                # for synchronous tests and other processes
        settings.ENV_PROVIDERS = [server.as_env_provider()]
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.egress import EgressPolicy

USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


@dataclass(frozen=True)
class Completion:
    """A chat answer, streamed unless told otherwise."""

    text: str = "Hello from the wire."
    usage: dict[str, Any] | None = field(default_factory=lambda: dict(USAGE))
    finish_reason: str | None = "stop"
    split: int | None = None
    """Send the body in pieces of this many bytes, wherever they fall."""
    newline: str = "\n"
    streamed: bool = True
    """False: ignore `stream` and answer with one JSON object, as some gateways do."""
    done: bool = True
    """Whether the stream ends with `[DONE]`."""
    cut_after: int | None = None
    """Drop the connection after this many events."""
    hang_after: int | None = None
    """Fall silent after this many events (0: before the headers)."""
    error_after: tuple[int, dict[str, Any]] | None = None
    """After this many events, send this error object as an event and end."""
    pause: float = 0
    """Seconds between events."""


@dataclass(frozen=True)
class Refusal:
    """An HTTP error."""

    status: int
    body: dict[str, Any] | str = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """A 200 with exactly this body."""

    body: bytes
    content_type: str = "text/event-stream"


@dataclass(frozen=True)
class Embeddings:
    """Vectors that depend only on the text."""

    dim: int = 8
    shuffled: bool = False
    missing: int = 0


Scripted = Completion | Refusal | Raw | Embeddings


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class OpenAIServer:
    """The server; use it as an async context manager, or `in_thread()` from synchronous code."""

    def __init__(self, *, default: Completion | None = None, dim: int = 8) -> None:
        self.default = default or Completion()
        self.dim = dim
        self.requests: list[Request] = []
        self._script: deque[Scripted] = deque()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def policy(self) -> EgressPolicy:
        """A policy under which this server may be reached."""
        return EgressPolicy().allowing(f"127.0.0.1:{self.port}")

    def as_env_provider(self, name: str = "openai", api_key: str = "test-key", **more: str) -> dict[str, str]:
        """An entry for settings.ENV_PROVIDERS."""
        return {
            "name": name,
            "kind": "openai_compatible",
            "base_url": self.base_url,
            "api_key": api_key,
            **more,
        }

    def script(self, *answers: Scripted) -> OpenAIServer:
        """What to answer to the next requests, in order."""
        self._script.extend(answers)
        return self

    async def __aenter__(self) -> OpenAIServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @contextmanager
    def in_thread(self) -> Iterator[OpenAIServer]:
        """Serve from a thread with an event loop of its own."""
        started, finish = threading.Event(), asyncio.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            async with self:
                loops.append(asyncio.get_running_loop())
                started.set()
                await finish.wait()

        thread = threading.Thread(target=lambda: asyncio.run(serve()), name="openai-server", daemon=True)
        thread.start()
        assert started.wait(10), "the server did not start"
        try:
            yield self
        finally:
            loops[0].call_soon_threadsafe(finish.set)
            thread.join(10)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (request := await _read_request(reader)) is not None:
                self.requests.append(request)
                await self._answer(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left, or the script cut the connection
        except asyncio.CancelledError:
            pass  # the server stops; asyncio would log the cancelled connection as an error
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        wants_vectors = request.path.endswith("/embeddings")
        fallback: Scripted = Embeddings(dim=self.dim) if wants_vectors else self.default
        match self._script.popleft() if self._script else fallback:
            case Refusal() as refusal:
                body = refusal.body if isinstance(refusal.body, str) else json.dumps(refusal.body)
                await _send(writer, refusal.status, body.encode(), headers=refusal.headers)
            case Raw() as raw:
                await _send(writer, 200, raw.body, content_type=raw.content_type)
            case Embeddings() as embeddings:
                await _send(writer, 200, json.dumps(_vectors(request.body, embeddings)).encode())
            case Completion(streamed=False) as completion:
                await _send(writer, 200, json.dumps(_whole(request.body, completion)).encode())
            case Completion() as completion:
                await _stream(writer, request.body, completion)


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    path = line.decode().split(" ")[1]
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(path=path, headers=headers, body=json.loads(body) if body else {})


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    *,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> None:
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, body: dict[str, Any], completion: Completion) -> None:
    if completion.hang_after == 0:
        await asyncio.Event().wait()
    head = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8", "Transfer-Encoding: chunked"]
    writer.write("\r\n".join([*head, "", ""]).encode())
    for number, event in enumerate(_events(body, completion)):
        if completion.cut_after == number:
            await writer.drain()
            writer.transport.abort() if number % 2 else writer.close()
            raise ConnectionResetError
        if completion.hang_after == number:
            await writer.drain()
            await asyncio.Event().wait()
        if completion.error_after and completion.error_after[0] == number:
            await _chunks(writer, f"data: {json.dumps(completion.error_after[1])}\n\n".encode(), None)
            break
        await _chunks(writer, event.replace("\n", completion.newline).encode(), completion.split)
        await asyncio.sleep(completion.pause)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _chunks(writer: asyncio.StreamWriter, data: bytes, split: int | None) -> None:
    step = split or len(data)
    for start in range(0, len(data), step):
        piece = data[start : start + step]
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if split:
            await writer.drain()
            await asyncio.sleep(0)


def _events(body: dict[str, Any], completion: Completion) -> Iterator[str]:
    def event(**fields: Any) -> str:
        chunk = {"id": "c1", "object": "chat.completion.chunk", "model": body.get("model"), **fields}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"

    yield event(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    for position, word in enumerate(completion.text.split(" ")):
        text = f" {word}" if position else word
        yield event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])
    if completion.finish_reason:
        yield event(choices=[{"index": 0, "delta": {}, "finish_reason": completion.finish_reason}])
    if completion.usage and (body.get("stream_options") or {}).get("include_usage"):
        yield event(choices=[], usage=completion.usage)
    if completion.done:
        yield "data: [DONE]\n\n"


def _whole(body: dict[str, Any], completion: Completion) -> dict[str, Any]:
    message = {"role": "assistant", "content": completion.text}
    whole: dict[str, Any] = {
        "id": "c1",
        "object": "chat.completion",
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": completion.finish_reason}],
    }
    return {**whole, "usage": completion.usage} if completion.usage else whole


def vector_of(text: str, dim: int) -> list[float]:
    """The vector that the server gives for a text."""
    seed = hashlib.sha256(text.encode()).digest() * (dim // 8 + 1)
    return [struct.unpack_from("<I", seed, 4 * place)[0] / 2**32 for place in range(dim)]


def _vectors(body: dict[str, Any], embeddings: Embeddings) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    items = [
        {"object": "embedding", "index": index, "embedding": vector_of(text, embeddings.dim)}
        for index, text in enumerate(texts)
    ]
    items = items[: len(items) - embeddings.missing]
    return {
        "object": "list",
        "data": items[::-1] if embeddings.shuffled else items,
        "model": body.get("model"),
    }
