"""What the tests of every package share: one web server for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_django
from django.db import connections

from tests.server import web_server


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """Before the test database is dropped, end the sessions that threads of ours still hold (logs, traces)."""
    yield
    with django_db_blocker.unblock():
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        connections.close_all()


@pytest.fixture(scope="session")
def _session_server(django_db_setup: None) -> Iterator[str]:
    with web_server() as base:
        yield base


@pytest.fixture
def server(transactional_db: None, _session_server: str) -> str:
    """The address of a real web server on this test's database (one process for the whole session)."""
    return _session_server
