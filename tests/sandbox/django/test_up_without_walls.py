"""`manage.py up` where the kernel gives no namespaces and the operator wants them: everything but code runs."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from console.embedded import ports
from tests.console import test_up
from tests.sandbox import container

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="takes namespaces away by a filter of Linux")


@pytest.fixture
def database() -> Iterator[str]:
    """An empty database of the session's server: the embedded one would need a namespace of its own here."""
    server, name = os.environ["DATABASE_URL"], f"up_{os.getpid()}"
    with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_up_starts_says_why_code_is_off_and_does_not_try_again(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
):
    plain, given = test_up.command, test_up.environment() | {"DATABASE_URL": database, "SANDBOX_FLOOR": "userns"}
    given.pop("SANDBOX_URL", None)
    monkeypatch.setattr(test_up, "command", lambda data, *, port: container.without_namespaces(plain(data, port=port)))
    monkeypatch.setattr(test_up, "environment", lambda: given)
    copy = test_up.Copy(tmp_path / "data", port=ports.choose())
    try:
        copy.wait_for("sandbox is off, for the reason above")
        copy.wait_for(" ready.")  # the worker
        note = (tmp_path / "data" / "sandbox.sock.refused").read_text()
        assert "userns" in note
        with urllib.request.urlopen(f"{copy.url}health/ready", timeout=10) as response:
            said = json.load(response)
        assert (said["status"], said["checks"]["sandbox"]) == ("ok", "off")
        assert "starting it again" not in copy.output
        assert "Traceback" not in copy.output
    finally:
        assert copy.send(signal.SIGTERM) == 0
