"""Whoever sends more than we ever take is told so, and the server keeps none of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.conf import settings

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
