"""Traces on a PostgreSQL server of their own: what works on one server works on two."""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from console.embedded import ports, postgres
from console.embedded.identity import find_identity
from tests import services

#: Writing, reading, partitions, pages: each of these passes on one server, and has to on two.
SUITES = ("test_foreign.py", "test_partitions.py", "test_real_runs.py")
HERE = Path(__file__).parent


@pytest.fixture
def second_server(tmp_path: Path) -> Iterator[str]:
    """The address of a PostgreSQL server that nobody else uses."""
    for folder in takewhile(lambda each: each != Path(tempfile.gettempdir()), tmp_path.parents):
        folder.chmod(0o711)  # PostgreSQL may run as another account
    home = tmp_path / "postgres"
    home.mkdir(mode=0o700)
    cluster = postgres.Cluster(home=home, port=ports.choose(), password=secrets.token_hex(8), identity=find_identity())
    postgres.initialise(cluster, sync=False)
    settings = {"fsync": "off", "full_page_writes": "off"}
    child = services._start(home / "log", lambda output: postgres.start(cluster, output=output, settings=settings))
    try:
        services._wait(child, lambda: postgres.answers(cluster), log=home / "log")
        postgres.create_database(cluster.url)
        yield cluster.url
    finally:
        services._stop(child, postgres.STOP_SIGNAL)


@pytest.mark.skipif("SKEP_TEST_TWO_SERVERS" in os.environ, reason="this is what it runs")
def test_what_works_on_one_server_works_on_two(second_server, tmp_path):
    apart = secrets.token_hex(4)
    first = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/apart_{apart}")
    _create(os.environ["DATABASE_URL"], f"apart_{apart}")
    environment = {
        **os.environ,
        "DATABASE_URL": urlunsplit(first),
        "TRACES_DATABASE_URL": second_server,
        "REDIS_URL": urlunsplit(urlsplit(os.environ["REDIS_URL"])._replace(path="/15")),
        "SKEP_TEST_TWO_SERVERS": "1",
    }
    environment.pop("PYTEST_XDIST_WORKER", None)
    # A folder of its own: pytest would close the common one to other accounts, as which some tests start PostgreSQL.
    where = f"--basetemp={tmp_path / 'inner'}"
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", where, __file__]
    done = subprocess.run(
        [*command, *(str(HERE / name) for name in SUITES)],
        env=environment,
        cwd=services.ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]


@pytest.mark.skipif("SKEP_TEST_TWO_SERVERS" not in os.environ, reason="run by the test above, on two servers")
@pytest.mark.django_db(databases=["default", "traces"])
def test_each_server_has_its_own_tables_and_no_others():
    from django.conf import settings
    from django.db import connections

    assert not settings.TRACES_SHARE_DATABASE
    tables = {alias: set(connections[alias].introspection.table_names()) for alias in ("default", "traces")}
    assert {name for name in tables["default"] if name.startswith("traces_")} == set()
    assert {name for name in tables["traces"] if not name.startswith("traces_")} == {"django_migrations"}
    assert {"traces_trace", "traces_span", "traces_rollup"} <= tables["traces"]


def _create(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
