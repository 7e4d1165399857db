"""`manage.py up` with its sandbox, as an operator meets it: started, found, brought back, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from apps.sandbox.address import parse_address
from console.embedded import ports
from console.embedded.datadir import DataDir
from console.embedded.locks import running_addresses
from tests.console.test_up import PATIENCE, ROOT, Copy, all_gone, environment

SIDECAR = "apps.sandbox.sidecar"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A copy whose data directory is too deep for a socket."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SANDBOX_URL", "SANDBOX_API_KEY", "SANDBOX_FLOOR"):
            patch.delenv(name, raising=False)
        copy = Copy(tmp_path_factory.mktemp("up") / ("deep 养蜂 " * 6).strip(), port=ports.choose())
        copy.wait_for("Ctrl-C")
        yield copy
        if copy.is_alive():
            copy.send(signal.SIGTERM)


def sandbox_says(copy: Copy) -> str:
    with urllib.request.urlopen(f"{copy.url}health/ready", timeout=10) as response:
        said: str = json.load(response)["checks"]["sandbox"]
    return said


def wait_until_ok(copy: Copy) -> None:
    deadline = time.monotonic() + PATIENCE
    while sandbox_says(copy) != "ok":
        assert time.monotonic() < deadline, copy.output
        time.sleep(0.2)


def run_in_another_shell(copy: Copy, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "sandbox", "run", str(file)],
        cwd=ROOT,
        env={**environment(), "SKEP_DATA_DIR": str(copy.data)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_it_starts_a_sandbox_that_the_web_process_and_other_shells_find(copy: Copy, tmp_path: Path):
    wait_until_ok(copy)
    code = tmp_path / "code.py"
    code.write_text("def main():\n    return {'answer': 42}\n")
    done = run_in_another_shell(copy, code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outputs"] == {"answer": 42}


def test_the_socket_of_a_deep_data_directory_is_short_and_private(copy: Copy):
    address = parse_address(running_addresses(DataDir(copy.data))["SANDBOX_URL"])
    assert address is not None
    assert address.socket is not None
    assert len(os.fsencode(address.socket)) <= 100
    assert address.socket.parent.stat().st_mode & 0o077 == 0


def test_the_sandbox_knows_none_of_our_secrets(copy: Copy):
    given = copy.child(SIDECAR).environ()
    assert not given.keys() & {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS"}
    assert not {name for name in given if name.startswith(("PG", "DJANGO", "OPENAI"))}


def test_a_killed_sandbox_comes_back(copy: Copy):
    wait_until_ok(copy)
    printed, old = len(copy.output), copy.child(SIDECAR)
    below = old.children(recursive=True)
    old.send_signal(signal.SIGKILL)
    copy.wait_for("sandbox is back", after=printed)
    assert all_gone(below, within=5) == []
    wait_until_ok(copy)


def test_ctrl_c_stops_it_with_all_its_children(copy: Copy):
    sandbox = copy.child(SIDECAR)
    family = [sandbox, *sandbox.children(recursive=True)]
    assert len(family) > 3
    socket = parse_address(running_addresses(DataDir(copy.data))["SANDBOX_URL"])
    assert socket is not None
    assert socket.socket is not None
    assert copy.send(signal.SIGINT) == 0
    assert all_gone(family, within=1) == []
    assert not socket.socket.parent.exists()


@pytest.mark.parametrize("url", ["off", "http://127.0.0.1:9"])
def test_where_the_operator_names_a_sandbox_or_none_no_other_is_started(tmp_path: Path, monkeypatch, url: str):
    monkeypatch.setenv("SANDBOX_URL", url)
    copy = Copy(tmp_path / "data", port=ports.choose())
    try:
        copy.wait_for(" ready.")  # the worker, which waits for the same as a sandbox would
        assert sandbox_says(copy) == {"off": "off"}.get(url, "unreachable")
        assert not [one for one in psutil.Process(copy.pid).children() if SIDECAR in " ".join(one.cmdline())]
    finally:
        copy.send(signal.SIGTERM)
