"""pytest plugin: one real PostgreSQL and one real Redis for the whole test session.

They start before Django reads its settings, in a temporary directory, and end with the session; if pytest is
killed, the kernel ends them. Set DATABASE_URL and REDIS_URL to test against other servers. PostgreSQL does not
wait for the disk unless SKEP_TEST_FSYNC=on: a killed process loses nothing either way, only a power cut would,
and emptying every table after a test costs seconds otherwise.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [entry for entry in (str(ROOT / "platform"), str(ROOT)) if entry not in sys.path]

from console.embedded import ports, postgres, redis  # noqa: E402
from console.embedded.identity import find_identity  # noqa: E402

SETTINGS_MODULE = "console.settings.test"
PREFIX = "skep-test-"
#: What a developer may have set for `make up`: tests must not spend it, nor depend on it.
NOT_FOR_TESTS = (
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_EMBEDDING_MODEL", "OPENAI_RERANK_MODEL"),
    *("MODEL_MAP", "EGRESS_ALLOW", "EGRESS_DENY"),
    *("SANDBOX_URL", "SANDBOX_API_KEY", "SANDBOX_FLOOR"),
)
PATIENCE = 60.0
LOG_LINES = 30
LOG_AGE_S = 60.0
_session = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Start the servers before pytest-django loads the settings; xdist workers inherit the controller's."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
    for name in NOT_FOR_TESTS:
        os.environ.pop(name, None)
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _keep_apart(int(worker.removeprefix("gw")))
        return
    if _only_asks():
        return
    _session.enter_context(_services())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure what the servers said meanwhile: on another machine nobody can go and read it."""
    report = yield
    if report.failed:
        for path in _logs():
            if lines := path.read_text(errors="replace").splitlines()[-LOG_LINES:]:
                report.sections.append((f"the end of {path.name}", "\n".join(lines)))
    return report


def _logs() -> list[Path]:
    """The logs of the web processes and workers of this test worker that were written to a short while ago."""
    home = Path(os.environ["SKEP_DATA_DIR"])
    recent = time.time() - LOG_AGE_S
    return [path for path in sorted(home.glob("*.log")) if path.stat().st_mtime > recent]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop what this process started."""
    _session.close()


def _keep_apart(worker: int) -> None:
    """Each xdist worker has its own test database; it needs its own queue and its own files as well."""
    os.environ["REDIS_URL"] = urlunsplit(urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{worker + 1}"))
    os.environ["SKEP_DATA_DIR"] = str(_folder(Path(os.environ["SKEP_DATA_DIR"]) / f"worker-{worker}"))


def _only_asks() -> bool:
    return any(argument in ("--help", "-h", "--version", "-V") for argument in sys.argv[1:])


@contextmanager
def _services() -> Iterator[None]:
    _sweep()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    running: list[tuple[subprocess.Popen[bytes], int]] = []
    os.environ.setdefault("SKEP_DATA_DIR", str(_folder(home / "data")))
    try:
        if "DATABASE_URL" not in os.environ:
            running.append(_start_postgres(_folder(home / "postgres")))
        if "REDIS_URL" not in os.environ:
            running.append(_start_redis(_folder(home / "redis")))
        yield
    finally:
        for child, stop_signal in reversed(running):
            _stop(child, stop_signal)
        shutil.rmtree(home, ignore_errors=True)


def _sweep() -> None:
    """Remove what sessions left behind that were killed."""
    for home in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = home.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(home, ignore_errors=True)


def _start_postgres(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    cluster = postgres.Cluster(home=home, port=ports.choose(), password=secrets.token_hex(8), identity=find_identity())
    durable = os.environ.get("SKEP_TEST_FSYNC", "off") == "on"
    postgres.initialise(cluster, sync=durable)
    # Web processes of a whole session stay, each with its pools, for every worker that tests.
    settings = {"max_connections": "400"}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    child = _start(home / "log", lambda output: postgres.start(cluster, output=output, settings=settings))
    _wait(child, lambda: postgres.answers(cluster), log=home / "log")
    postgres.create_database(cluster.url)
    os.environ["DATABASE_URL"] = cluster.url
    return child, postgres.STOP_SIGNAL


def _start_redis(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    store = redis.Store(home=home, port=ports.choose(), password=secrets.token_hex(8))
    child = _start(home / "log", lambda output: redis.start(store, output=output))
    _wait(child, lambda: redis.answers(store), log=home / "log")
    os.environ["REDIS_URL"] = store.url
    return child, redis.STOP_SIGNAL


def _start(log: Path, start: Callable[[int], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return start(file.fileno())


def _wait(child: subprocess.Popen[bytes], answers: Callable[[], bool], *, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not answers():
        if child.poll() is not None or time.monotonic() > deadline:
            raise pytest.UsageError(f"a service for the tests did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.03)


def _stop(child: subprocess.Popen[bytes], stop_signal: int) -> None:
    if child.poll() is None:
        child.send_signal(stop_signal)
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path
