"""Killing zygotes and the supervisor in the middle of runs leaves nobody behind: point 48."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import psutil
import pytest

from tests.sandbox.attacks.trivial import answers_again, answers_at_once
from tests.sandbox.sidecar_process import Sidecar, gone, modes_here, running_sidecar

SLEEPERS = {
    "python3": "import time\ndef main(**_):\n    time.sleep(20)",
    "javascript": "function main() { return new Promise((done) => setTimeout(done, 20000)); }",
}
SPINNERS = {
    "python3": """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
def main(**_):
    while True: pass
""",
    "javascript": "function main() { while (true); }",
}


class Running:
    """Runs that last, each asked for by a thread of its own."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.answers: list[Any] = []
        self._threads = [
            threading.Thread(target=self._ask, args=(sidecar, language, code), daemon=True)
            for codes in (SLEEPERS, SPINNERS)
            for language, code in codes.items()
        ]
        for thread in self._threads:
            thread.start()
        deadline = time.monotonic() + 10
        while sidecar.health()["queue"]["running"] < len(self._threads) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _ask(self, sidecar: Sidecar, language: str, code: str) -> None:
        try:
            self.answers.append(sidecar.try_run(code, language=language, limits={"wall_s": 15}))
        except OSError as problem:
            self.answers.append(problem)
        except Exception as problem:  # noqa: BLE001 - http.client's own, when the server vanishes
            self.answers.append(problem)

    def end(self) -> list[Any]:
        for thread in self._threads:
            thread.join(10)
        return self.answers


@pytest.fixture(params=modes_here())
def own_sidecar(request: pytest.FixtureRequest) -> Any:
    with running_sidecar(request.param, "--concurrency", "8") as sidecar:
        yield sidecar


def test_a_killed_zygote_takes_its_runs_along_and_is_replaced(own_sidecar: Sidecar) -> None:
    running = Running(own_sidecar)
    before = own_sidecar.descendants()
    for zygote in own_sidecar.zygotes():
        zygote.send_signal(signal.SIGKILL)
    assert not gone(before, within=5)
    for answer in running.end():
        assert answer.code == 200, answer
        assert answer.body["status"] == "killed", answer.body
        assert answer.body["error"]["type"], answer.body
    for language in SLEEPERS:
        assert answers_again(own_sidecar, language=language)
    assert own_sidecar.health()["counters"]["zygote_restarts"] >= 2

    # The same sidecar, whose zygotes are new: now the supervisor goes.
    running = Running(own_sidecar)
    family = own_sidecar.descendants()
    assert len(family) >= 6
    os.kill(own_sidecar.pid, signal.SIGKILL)
    own_sidecar.process.wait(5)
    assert not gone(family, within=5)
    assert all(isinstance(answer, Exception) for answer in running.end())


def test_an_orderly_stop_tells_the_runs_and_leaves_nobody(sidecar_to_stop: Sidecar) -> None:
    running = Running(sidecar_to_stop)
    family = sidecar_to_stop.descendants()
    began = time.monotonic()
    sidecar_to_stop.process.send_signal(signal.SIGTERM)
    sidecar_to_stop.process.wait(5)
    assert time.monotonic() - began < 3
    assert sidecar_to_stop.process.returncode == 0
    assert not gone(family, within=1)
    for answer in running.end():
        assert answer.code == 200, answer
        assert (answer.body["status"], answer.body["error"]["type"]) == ("killed", "SandboxStopped")
    assert not sidecar_to_stop.socket.exists()


@pytest.fixture(params=modes_here())
def sidecar_to_stop(request: pytest.FixtureRequest) -> Any:
    with running_sidecar(request.param, "--concurrency", "8") as sidecar:
        yield sidecar


def test_a_client_that_hangs_up_leaves_no_run_behind(sidecar: Sidecar) -> None:
    before = {process.pid for process in sidecar.descendants()}
    with pytest.raises(TimeoutError):
        sidecar.ask(
            "POST",
            "/v1/run",
            body=b'{"language":"python3","code":"def main(**_):\\n    while True: pass"}',
            timeout=0.3,
        )
    deadline = time.monotonic() + 5
    while sidecar.health()["queue"]["running"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sidecar.health()["queue"]["running"] == 0
    busy = [p for p in sidecar.descendants() if p.pid in before and p.status() == psutil.STATUS_RUNNING and spins(p)]
    assert not busy
    assert answers_at_once(sidecar)


def spins(process: psutil.Process) -> bool:
    """Whether it uses a whole processor."""
    try:
        return process.cpu_percent(0.2) > 70
    except psutil.NoSuchProcess:
        return False
