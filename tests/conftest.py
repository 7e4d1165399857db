"""What the tests of every package share: one web server for the session."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
import pytest_django
from django.conf import settings
from django.db import OperationalError, connections
from django.db.backends.base.operations import BaseDatabaseOperations

from tests.server import web_server

FLUSH_TRIES = 6


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """Before the test database is dropped, end the sessions that threads of ours still hold (logs, traces)."""
    yield
    with django_db_blocker.unblock():
        for alias in ("default",) if settings.TRACES_SHARE_DATABASE else ("default", "traces"):
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        connections.close_all()


@pytest.fixture(scope="session", autouse=True)
def _patient_flush() -> None:
    """Emptying the tables after a test may meet the last write of a server, worker or thread of ours: try again.

    Where it fails, whatever the test left behind breaks all tests that follow. Content types stay: web servers outlive
    tests and remember their ids, which would be others after each flush.
    """
    flush = BaseDatabaseOperations.execute_sql_flush

    def patiently(operations: BaseDatabaseOperations, sql_list: list[str]) -> None:
        sql_list = [re.sub(r'"django_content_type", |, "django_content_type"', "", sql) for sql in sql_list]
        for _ in range(FLUSH_TRIES - 1):
            try:
                return flush(operations, sql_list)
            except OperationalError:  # a deadlock
                time.sleep(0.2)
        flush(operations, sql_list)

    BaseDatabaseOperations.execute_sql_flush = patiently  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def _session_server(django_db_setup: None) -> Iterator[str]:
    with web_server() as base:
        yield base


@pytest.fixture
def server(transactional_db: None, _session_server: str) -> str:
    """The address of a real web server on this test's database (one process for the whole session)."""
    return _session_server
