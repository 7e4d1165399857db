"""Whoever sends more than we ever take is told so, and the server keeps none of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import pytest
from django.conf import settings

from apps.traces.otlp.bodies import LIMIT as OTLP_LIMIT

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
PIECE = b"x" * 1_000_000


@pytest.mark.parametrize(
    ("has_length", "kind"),
    [
        (True, "application/json"),
        (False, "application/json"),
        (True, "multipart/form-data; boundary=x"),
        (True, "application/x-www-form-urlencoded"),
    ],
)
def test_an_anonymous_body_beyond_the_limit_gets_413_and_the_server_lives(
    server: str, has_length: bool, kind: str
) -> None:
    pieces = settings.MAX_REQUEST_BYTES // len(PIECE) + 2

    def body() -> Iterator[bytes]:
        for _ in range(pieces):
            yield PIECE

    headers = {"Content-Type": kind}
    if has_length:
        headers["Content-Length"] = str(pieces * len(PIECE))
    answer = httpx.post(f"{server}/v1/chat-messages", content=body(), headers=headers, timeout=60)
    assert answer.status_code == 413
    assert answer.json()["code"] == "file_too_large"
    assert httpx.get(f"{server}/health/live").status_code == 200


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize(
    ("path", "kind", "limit"),
    [
        ("/v1/chat-messages", "application/json", settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        ("/api/traces/", "application/x-www-form-urlencoded", settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        ("/otel/v1/traces", "application/json", OTLP_LIMIT),
        ("/api/public/otel/v1/traces", "application/x-protobuf", OTLP_LIMIT),
    ],
)
def test_a_stranger_is_kept_no_more_than_the_address_takes(
    server: str, path: str, kind: str, limit: int, has_length: bool
) -> None:
    """The limit is met before anybody asks for a key: who has none would be told 401 otherwise."""
    body = b"x" * (limit + 1)
    content = body if has_length else iter([body[: limit // 2], body[limit // 2 :]])
    answer = httpx.post(f"{server}{path}", content=content, headers={"Content-Type": kind}, timeout=60)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == ("application/json" if "otel" not in path else kind)
    assert f"{limit:,} bytes" in answer.text
    if kind == "application/x-protobuf":
        assert answer.content[:2] == b"\x08\x08"  # google.rpc.Status, RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("length", "more"), [(10**10, ""), (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1, "Expect: 100-continue\r\n")]
)
def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(server: str, length: int, more: str) -> None:
    host, port = server.removeprefix("http://").split(":")
    head = f"POST /v1/chat-messages HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{head}{more}Content-Length: {length}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    first, _, rest = answer.partition(b"\r\n")
    assert first == b"HTTP/1.1 413 Request Entity Too Large"
    assert orjson.loads(rest.partition(b"\r\n\r\n")[2])["code"] == "file_too_large"


def test_a_form_of_many_fields_stalls_nobody(server: str) -> None:
    """Nobody is signed in: what such a form costs is what anybody can make us pay."""
    fields = b"a=1&" * 6_000_000
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    with ThreadPoolExecutor(1) as threads:
        big = threads.submit(httpx.post, f"{server}/login/", content=fields, headers=kind, timeout=60)
        slowest = 0.0
        while not big.done():
            asked = time.perf_counter()
            assert httpx.get(f"{server}/health/live", timeout=60).status_code == 200
            slowest = max(slowest, time.perf_counter() - asked)
    assert big.result().status_code in (400, 403, 413)
    assert slowest < 2


def test_a_header_of_the_web_server_cannot_bend_our_addresses(server: str) -> None:
    answer = httpx.get(f"{server}/", headers={"Daphne-Root-Path": "//evil.example"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/")
