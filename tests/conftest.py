"""What the tests of every package share: one web server for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import web_server


@pytest.fixture(scope="session")
def _session_server(django_db_setup: None) -> Iterator[str]:
    with web_server() as base:
        yield base


@pytest.fixture
def server(transactional_db: None, _session_server: str) -> str:
    """The address of a real web server on this test's database (one process for the whole session)."""
    return _session_server
