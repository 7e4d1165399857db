"""The hand-written HTTP: what it takes, what it refuses, and that a refusal never spills into the next request."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from apps.sandbox.sidecar.errors import RequestRefused
from apps.sandbox.sidecar.http import response
from apps.sandbox.sidecar.http.parser import Head
from apps.sandbox.sidecar.http.response import Response
from apps.sandbox.sidecar.http.server import Deadlines, Server
from tests.sandbox.sidecar_process import Sidecar
from tests.sandbox.supervisor.wire import Wire

TRIVIAL = "def main(a=0): return {'a': a}"


@pytest.fixture
def wire(root_sidecar: Sidecar) -> Iterator[Wire]:
    with Wire(root_sidecar) as wire:
        yield wire


def test_one_connection_serves_many_requests(wire: Wire) -> None:
    for number in range(5):
        wire.send(wire.run(TRIVIAL, inputs={"a": number}))
        assert wire.reply().json["outputs"] == {"a": number}


def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    wire.send(b"".join(wire.run(TRIVIAL, inputs={"a": number}) for number in range(6)))
    assert [wire.reply().json["outputs"]["a"] for _ in range(6)] == list(range(6))


def test_a_request_may_come_byte_by_byte(wire: Wire) -> None:
    for byte in wire.run(TRIVIAL, inputs={"a": 7}):
        wire.send(bytes([byte]))
    assert wire.reply().json["outputs"] == {"a": 7}


def test_connection_close_and_http_1_0_close_after_the_answer(root_sidecar: Sidecar) -> None:
    for request in (
        b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /health HTTP/1.0\r\n\r\n",
    ):
        with Wire(root_sidecar) as wire:
            wire.send(request)
            assert wire.reply().json == {"status": "ok"}
            assert wire.closed()


def test_a_client_that_expects_100_continue_gets_it(wire: Wire) -> None:
    body = json.dumps({"code": TRIVIAL}).encode()
    head = wire.request(
        "POST", "/v1/run", extra=f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n", length=False
    )
    wire.send(head)
    assert wire.reply(to_head=True).status == 100
    wire.send(body)
    assert wire.reply().json["status"] == "ok"


def test_a_stranger_is_refused_before_sending_the_body(wire: Wire) -> None:
    extra = "Expect: 100-continue\r\nContent-Length: 1000000\r\n"
    wire.send(wire.request("POST", "/v1/run", key="wrong", extra=extra, length=False))
    refused = wire.reply()
    assert (refused.status, refused.code) == (401, "unauthorized")
    wire.send(b"x" * 100_000)  # and reading goes on for a while, so that the answer is not lost
    assert wire.closed()


def test_a_stranger_may_ask_for_health_but_not_send_a_body_with_it(root_sidecar: Sidecar) -> None:
    for key, status in (("wrong", 401), (root_sidecar.key, 200)):
        with Wire(root_sidecar) as wire:
            wire.send(f"GET /health HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            assert wire.reply().status == status


def test_head_gets_the_head_of_get(wire: Wire) -> None:
    wire.send(wire.request("HEAD", "/health", key="wrong"))
    told = wire.reply(to_head=True)
    assert (told.status, int(told.headers["content-length"])) == (200, len(b'{"status": "ok"}'))
    wire.send(wire.run(TRIVIAL))
    assert wire.reply().json["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("POST", "/v1/run/", 404, "not_found"),
        ("GET", "/v1/run", 405, "method_not_allowed"),
        ("DELETE", "/health", 405, "method_not_allowed"),
        ("DELETE", "/v1/runs/nobody", 404, "not_found"),
        ("GET", "/v1/runs/nobody", 405, "method_not_allowed"),
        ("POST", "/v1/run", 400, "malformed"),
        ("POST", "/v1/run?x=1", 400, "malformed"),
    ],
)
def test_a_refusal_has_a_code_and_leaves_the_connection_usable(
    wire: Wire, method: str, path: str, status: int, code: str
) -> None:
    wire.send(wire.request(method, path, b"{}" if method == "POST" else b""))
    refused = wire.reply()
    assert (refused.status, refused.code) == (status, code)
    assert set(refused.json["error"]) <= {"code", "message", "path"}
    wire.send(wire.run(TRIVIAL))
    assert wire.reply().json["status"] == "ok"


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}\r\n", 411, "length_required"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: chunked\r\n\r\n", 411, "length_required"),
        (
            "POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            400,
            "malformed",
        ),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Content-Length: -1\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Content-Length: 1_0\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Content-Length: +5\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Content-Length: 6291457\r\n\r\n", 413, "too_large"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n{key}Content-Length: " + "9" * 15 + "\r\n\r\n", 413, "too_large"),
        ("POST /v1/run HTTP/1.1\r\n{key}Content-Length: 2\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\r\n folded: 1\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/1.1\r\nHost : x\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/1.1\r\nHost: x\nEvil: 1\r\n\r\n", 400, "malformed"),
        ("POST /v1/run HTTP/2.0\r\nHost: x\r\n\r\n", 400, "malformed"),
        ("post /v1/run HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed"),
        ("GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed"),
        ("GET /hea\u00e9lth HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed"),
        ("\x16\x03\x01\x02\r\n\r\n", 400, "malformed"),
        ("GET /health HTTP/1.1\r\nHost: x\r\n" + "A: b\r\n" * 70 + "\r\n", 413, "too_large"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nA: " + "b" * 20_000 + "\r\n\r\n", 413, "too_large"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nA: " + "b" * 40_000, 413, "too_large"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nA:" + " " * 16_000 + "\x01\r\n\r\n", 400, "malformed"),
        ("GET /" + "a" * 5_000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed"),
    ],
)
def test_bytes_that_are_not_our_http_are_refused_and_the_connection_ends(
    wire: Wire, head: str, status: int, code: str
) -> None:
    began = time.monotonic()
    wire.send(head.replace("{key}", f"X-Api-Key: {wire.sidecar.key}\r\n").encode())
    refused = wire.reply()
    assert (refused.status, refused.code) == (status, code)
    assert refused.headers["connection"] == "close"
    assert wire.closed()
    assert time.monotonic() - began < 5


def test_what_follows_a_refused_request_is_never_read_as_one(wire: Wire) -> None:
    smuggled = wire.run(TRIVIAL)
    wire.send(wire.request("POST", "/v1/run", extra="Transfer-Encoding: chunked\r\n", length=False) + smuggled)
    assert wire.reply().status == 411
    assert wire.closed()


def test_empty_lines_before_a_request_are_let_pass(wire: Wire) -> None:
    wire.send(b"\r\n\r\n" + wire.run(TRIVIAL))
    assert wire.reply().json["status"] == "ok"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("X-Api-Key: {key}", 200),
        ("Authorization: Bearer {key}", 200),
        ("authorization: bearer {key}", 200),
        ("Authorization: Basic {key}", 401),
        ("X-Api-Key: {key}x", 401),
        ("X-Api-Key:", 401),
        ("X-Api-Key: \u00e9", 401),
        ("X-Nothing: {key}", 401),
    ],
)
def test_the_key_opens_in_either_header_and_only_the_key(root_sidecar: Sidecar, header: str, status: int) -> None:
    body = json.dumps({"code": TRIVIAL}).encode()
    line = header.replace("{key}", root_sidecar.key)
    head = f"POST /v1/run HTTP/1.1\r\nHost: x\r\n{line}\r\nContent-Length: {len(body)}\r\n\r\n"
    with Wire(root_sidecar) as wire:
        wire.send(head.encode() + body)
        answer = wire.reply()
        assert answer.status == status
        if status == 401:
            assert answer.json == {"error": {"code": "unauthorized", "message": "the key is missing or wrong"}}


class Echo:
    """The smallest application: it answers with what it got."""

    def admit(self, head: Head, *, peer_uid: int | None) -> None:
        """Everybody."""

    async def answer(self, head: Head, body: bytes, *, peer_uid: int | None) -> Response:
        """The body."""
        return Response(body=body)

    def refuse(self, head: Head | None, error: RequestRefused) -> Response:
        """As everywhere."""
        return response.refusal(error)


async def test_empty_lines_do_not_keep_a_connection_open(tmp_path: Path) -> None:
    deadlines = Deadlines(idle_s=0.4, head_s=0.4, body_s=0.4, linger_s=0.4, sweep_s=0.05)
    server = Server(Echo(), max_body_bytes=1000, deadlines=deadlines)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "socket"))
    await server.listen(bound)
    reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
    ended = asyncio.ensure_future(reader.read())
    for _ in range(20):
        if ended.done():
            break
        writer.write(b"\r\n")
        await asyncio.sleep(0.1)
    assert ended.done()
    with suppress(ConnectionResetError, BrokenPipeError):
        assert await ended == b""
    writer.close()
    server.stop_accepting()
    await server.drain(timeout_s=1)


async def test_connections_leave_descriptors_to_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (6, 6))
    server = Server(Echo(), max_body_bytes=1000)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "socket"))
    await server.listen(bound)
    opened = [await asyncio.open_unix_connection(tmp_path / "socket") for _ in range(4)]
    answered = []
    for reader, writer in opened:
        with suppress(OSError):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answered.append(await reader.read())
        writer.close()
    assert [each[:15] for each in answered if each] == [b"HTTP/1.1 200 OK"] * 3
    server.stop_accepting()
    await server.drain(timeout_s=1)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    ],
    ids=["silence", "half a head", "half a body"],
)
async def test_a_slow_client_is_dropped_while_others_are_served(tmp_path: Path, sent: bytes) -> None:
    deadlines = Deadlines(idle_s=0.3, head_s=0.3, body_s=0.3, linger_s=0.3, sweep_s=0.05)
    server = Server(Echo(), max_body_bytes=1000, deadlines=deadlines)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "socket"))
    await server.listen(bound)
    reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
    other_reader, other_writer = await asyncio.open_unix_connection(tmp_path / "socket")
    writer.write(sent)
    other_writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
    assert (await other_reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 OK")
    began = time.monotonic()
    with suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    assert time.monotonic() - began < 3
    for each in (writer, other_writer):
        each.close()
    server.stop_accepting()
    await server.drain(timeout_s=1)
