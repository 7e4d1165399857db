"""Web processes that a test may kill, and a Redis of a test's own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.embedded import ports, redis
from tests.server import PATIENCE_S, ROOT, child_environment

#: With the connection pool of a running installation, which the settings of the tests leave out.
INSTALLED = "console.settings.dev"


@dataclass(frozen=True, kw_only=True)
class Web:
    """A web process: where it answers, and the process itself."""

    base: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def socket(self) -> str:
        """The base address for WebSockets."""
        return self.base.replace("http", "ws", 1)

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()


@contextmanager
def web_process(**environment: str) -> Iterator[Web]:
    """A server that answers, as an installation runs it."""
    port = ports.choose()
    command = [sys.executable, "-m", "console.embedded.web", "-e", f"tcp:{port}:interface=127.0.0.1"]
    path = Path(os.environ["SKEP_DATA_DIR"]) / f"web-{port}.log"
    env = child_environment(DJANGO_SETTINGS_MODULE=INSTALLED, **environment)
    with path.open("wb") as log:
        child = subprocess.Popen([*command, "console.asgi:application"], cwd=ROOT, env=env, stdout=log, stderr=log)
    web = Web(base=f"http://127.0.0.1:{port}", process=child, log=path)
    try:
        _wait(web)
        yield web
    finally:
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            web.kill()


class OwnRedis:
    """A Redis that a test may stop and start again; what it held is gone then."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        self._home = home
        self.store = redis.Store(home=home, port=ports.choose(), password=secrets.token_hex(8))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.store.url

    def start(self) -> None:
        """Start empty and wait until it answers."""
        for file in self._home.glob("*.rdb"):
            file.unlink()
        with (self._home / "log").open("ab") as log:
            self.process = redis.start(self.store, output=log.fileno())
        deadline = time.monotonic() + PATIENCE_S
        while not redis.answers(self.store):
            assert time.monotonic() < deadline, (self._home / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """Without a farewell."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _wait(web: Web) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"{web.base}/health/live", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if web.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(web.log.read_text(errors="replace")) from None
            time.sleep(0.05)
