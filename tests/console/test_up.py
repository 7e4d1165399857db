"""`manage.py up` as an operator meets it: a real process, real children, real signals."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from console.embedded import ports
from console.embedded.datadir import DataDir
from console.embedded.locks import running_addresses

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # a start takes seconds; this is for a machine that is busy with other things
OURS = ("DATABASE_URL", "REDIS_URL", "TRACES_DATABASE_URL", "SKEP_DATA_DIR", "DJANGO_SETTINGS_MODULE")


class Copy:
    """One running `manage.py up`, and everything it has printed so far."""

    def __init__(self, data: Path, *, port: int) -> None:
        self.data = data
        self.url = f"http://127.0.0.1:{port}/"
        self.output = ""
        self._process = subprocess.Popen(
            command(data, port=port), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self.output += line.decode(errors="replace")

    def wait_for(self, text: str, *, after: int = 0) -> None:
        """Wait until the text was printed."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.output[after:]:
            assert self._process.poll() is None, f"it ended:\n{self.output}"
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.output}"
            time.sleep(0.05)

    def children(self) -> list[psutil.Process]:
        """Every process below it."""
        return psutil.Process(self.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        """The direct child with this name in its command line."""
        found = [one for one in psutil.Process(self.pid).children() if name in " ".join(one.cmdline())]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, number: int) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self._process.send_signal(number)
        code = self._process.wait(timeout=20)
        self._reader.join(timeout=10)
        return code


def command(data: Path, *, port: int) -> list[str]:
    return [sys.executable, "manage.py", "up", "--no-demo", "--port", str(port), "--data-dir", str(data)]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS}


def refused(data: Path, *, port: int) -> str:
    """Start a copy that must not come up; return what it says."""
    done = subprocess.run(
        command(data, port=port), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}health/live", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def all_gone(processes: list[psutil.Process], *, within: float) -> list[psutil.Process]:
    """The processes that still run after that time."""
    _, alive = psutil.wait_procs(processes, timeout=within)
    return [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


class Site:
    """One data directory that copies are started on, one after the other."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.first: Copy | None = None
        self._copy: Copy | None = None

    def running(self) -> Copy:
        """A copy that is ready; the one that runs already, if one does."""
        if self._copy is None or not self._copy.is_alive():
            self._copy = Copy(self.data, port=ports.choose())
            self.first = self.first or self._copy
            self._copy.wait_for("Skep is ready")
            self._copy.wait_for("Ctrl-C")
        return self._copy

    def stop(self) -> None:
        if self._copy and self._copy.is_alive():
            self._copy.send(signal.SIGTERM)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("up") / "it's data 养蜂")
    yield site
    site.stop()


def test_the_ready_block_names_a_url_that_answers(site: Site):
    copy = site.running()
    assert copy.url in copy.output
    assert answers(copy.url)


def test_a_command_in_another_shell_finds_the_services(site: Site):
    copy = site.running()
    addresses = running_addresses(DataDir(site.data))
    assert addresses["SKEP_URL"] == copy.url
    with psycopg.connect(addresses["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM django_migrations").fetchone() == (True,)
    with redis.Redis.from_url(addresses["REDIS_URL"]) as client:
        assert client.ping()


def test_the_password_is_printed_on_the_first_start_and_kept_in_no_log(site: Site):
    site.running()
    assert site.first is not None
    site.first.wait_for("only this once")
    found = re.findall(r"Password\s+(\S+)", site.first.output)
    assert len(found) == 1
    logs = "".join(path.read_text(errors="replace") for path in (site.data / "logs").iterdir())
    assert found[0] not in logs


def test_a_second_copy_is_refused_with_the_process_and_the_url_of_the_first(site: Site):
    copy = site.running()
    said = refused(site.data, port=ports.choose())
    assert f"process {copy.pid}" in said
    assert copy.url in said
    assert answers(copy.url)


def test_a_taken_port_is_named_before_anything_starts(site: Site, tmp_path: Path):
    port = int(site.running().url.rsplit(":", 1)[1].rstrip("/"))
    assert f"Port {port} on 127.0.0.1 is taken" in refused(tmp_path, port=port)
    assert not (tmp_path / "postgres" / "data").exists()


def test_a_killed_web_process_is_replaced(site: Site):
    copy = site.running()
    printed = len(copy.output)
    old = copy.child("console.embedded.web")
    old.send_signal(signal.SIGKILL)
    copy.wait_for("web was killed by SIGKILL; starting it again", after=printed)
    copy.wait_for("web is back", after=printed)
    assert answers(copy.url)
    assert copy.child("console.embedded.web").pid != old.pid


def test_a_killed_database_comes_back(site: Site):
    copy = site.running()
    printed = len(copy.output)
    copy.child("bin/postgres").send_signal(signal.SIGKILL)
    copy.wait_for("postgres is back", after=printed)


def test_after_a_kill_of_the_supervisor_nothing_runs_and_the_next_start_works(site: Site):
    copy = site.running()
    copy.wait_for("ready.")  # the worker, with its pool
    secret = (site.data / "secret_key").read_text()
    children = copy.children()
    assert len(children) > 6
    copy.send(signal.SIGKILL)
    assert all_gone(children, within=10) == []
    assert running_addresses(DataDir(site.data)) == {}

    again = site.running()
    assert again.pid != copy.pid
    assert answers(again.url)
    assert "Password" not in again.output
    assert (site.data / "secret_key").read_text() == secret


def test_ctrl_c_stops_everything_in_six_seconds(site: Site):
    copy = site.running()
    copy.wait_for("ready.")
    children = copy.children()
    began = time.monotonic()
    assert copy.send(signal.SIGINT) == 0
    assert time.monotonic() - began < 6
    assert all_gone(children, within=0.5) == []
    assert "Traceback" not in copy.output
    assert copy.output.rstrip().endswith("stopped")
    assert running_addresses(DataDir(site.data)) == {}


def test_a_missing_dependency_is_named(tmp_path: Path):
    # -S leaves the installed packages out, as in a checkout whose environment was never made.
    done = subprocess.run(
        [sys.executable, "-S", "-m", "console.embedded", "--data-dir", str(tmp_path)],
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert "Not installed: " in done.stderr
    assert "daphne" in done.stderr
    assert "make up" in done.stderr
