"""Whoever sends more than we ever take is told so, and the server keeps none of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from django.conf import settings

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
PIECE = b"x" * 1_000_000


@pytest.mark.parametrize("has_length", [True, False])
def test_an_anonymous_body_beyond_the_limit_gets_413_and_the_server_lives(server: str, has_length: bool) -> None:
    pieces = settings.MAX_REQUEST_BYTES // len(PIECE) + 2

    def body() -> Iterator[bytes]:
        for _ in range(pieces):
            yield PIECE

    headers = {"Content-Type": "application/json"}
    if has_length:
        headers["Content-Length"] = str(pieces * len(PIECE))
    answer = httpx.post(f"{server}/v1/chat-messages", content=body(), headers=headers, timeout=60)
    assert answer.status_code == 413
    assert answer.json()["code"] == "file_too_large"
    assert httpx.get(f"{server}/health/live").status_code == 200


def test_a_header_of_the_web_server_cannot_bend_our_addresses(server: str) -> None:
    answer = httpx.get(f"{server}/", headers={"Daphne-Root-Path": "//evil.example"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/")
