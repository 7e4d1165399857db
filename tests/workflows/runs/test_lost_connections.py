"""Connections that a web process kept while the database restarted are not lent to requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
from django.db import connection

from tests.chaos.processes import Web
from tests.workflows.runs.conftest import KeyOf, MakeApp
from tests.workflows.talking import asking


def test_requests_after_a_restart_of_the_database_are_answered(web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app(asking()))

    def ask(_number: int) -> int:
        return httpx.get(f"{web.base}/v1/parameters", params={"user": "ada"}, headers=headers).status_code

    with ThreadPoolExecutor(8) as people:
        assert set(people.map(ask, range(24))) == {200}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'"
            )
            (ended,) = cursor.fetchone()
        assert ended
        assert set(people.map(ask, range(24))) == {200}
