"""What happens when a process of the sandbox dies, hangs, grows old, or is told to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from tests.sandbox.sidecar_process import Sidecar, gone, running_sidecar
from tests.sandbox.supervisor.wire import Wire, wait_until

SPARES = 4
TRIVIAL = "def main(): return {'fine': True}"
SLEEP = "import time\ndef main(): time.sleep(30)"


@pytest.fixture(scope="module")
def sidecar() -> Iterator[Sidecar]:
    with running_sidecar(
        "root", "--node", "off", "--watchdog-s", "1", "--recycle-runs", "40", "--spares-python", str(SPARES)
    ) as sidecar:
        yield sidecar


def base(sidecar: Sidecar) -> dict[str, object]:
    profile: dict[str, object] = sidecar.health()["profiles"]["base"]
    return profile


def running(sidecar: Sidecar) -> bool:
    return bool(sidecar.health()["queue"]["running"])


def test_zygotes_that_are_killed_are_replaced_and_their_runs_get_an_answer(sidecar: Sidecar) -> None:
    before = sidecar.health()["counters"]["zygote_restarts"]
    with Wire(sidecar) as wire:
        wire.send(wire.run(SLEEP))
        wait_until(lambda: running(sidecar))
        family = sidecar.descendants()
        for zygote in sidecar.zygotes():
            os.kill(zygote.pid, signal.SIGKILL)
        result = wire.reply().json
    assert (result["status"], result["error"]["type"]) == ("killed", "SandboxStopped")
    assert not gone(family, within=5)
    assert sidecar.run_when_up(TRIVIAL)["outputs"] == {"fine": True}
    assert sidecar.run_when_up("{{ 2 }}", profile="template")["outputs"] == {"output": "2"}
    assert sidecar.health()["counters"]["zygote_restarts"] == before + 2


def test_a_zygote_that_hangs_is_replaced(sidecar: Sidecar) -> None:
    before = sidecar.health()["counters"]["zygote_restarts"]
    stopped = [process for zygote in sidecar.zygotes() for process in (zygote, *zygote.children())]
    for process in stopped:
        process.suspend()
    wait_until(lambda: sidecar.health()["counters"]["zygote_restarts"] >= before + 2)
    assert not gone(stopped, within=5)
    assert sidecar.run_when_up(TRIVIAL)["outputs"] == {"fine": True}


def test_an_old_zygote_is_replaced_while_its_run_goes_on(sidecar: Sidecar) -> None:
    generation = base(sidecar)["generation"]
    recycled = sidecar.health()["counters"]["recycled"]
    with Wire(sidecar) as slow, Wire(sidecar) as wire:
        slow.send(slow.run("import time\ndef main():\n    time.sleep(8)\n    return {'slept': True}"))
        wait_until(lambda: running(sidecar))
        for _ in range(60):
            wire.send(wire.run(TRIVIAL))
            assert wire.reply().json["status"] == "ok"
        wait_until(lambda: base(sidecar)["generation"] != generation)
        assert sidecar.health()["counters"]["recycled"] > recycled
        assert slow.reply().json["outputs"] == {"slept": True}
    wait_until(lambda: len(sidecar.zygotes()) == 2, within=10)


def test_many_runs_leave_nothing_behind(sidecar: Sidecar) -> None:
    process = psutil.Process(sidecar.pid)

    def settled() -> tuple[int, int]:
        wait_until(lambda: base(sidecar)["spares"] == SPARES)
        return process.num_fds(), len(process.children(recursive=True))

    with Wire(sidecar) as wire:
        for _ in range(60):
            wire.send(wire.run(TRIVIAL))
            assert wire.reply().json["status"] == "ok"
        time.sleep(2)
        before, rss = settled(), process.memory_info().rss
        for _ in range(200):
            wire.send(wire.run(TRIVIAL))
            assert wire.reply().json["status"] == "ok"
        wait_until(lambda: settled() == before, within=20)
        assert process.memory_info().rss - rss < 2 << 20
    assert not [child for child in process.children(recursive=True) if child.status() == psutil.STATUS_ZOMBIE]


def test_sigterm_answers_what_runs_and_takes_everything_down() -> None:
    with running_sidecar("root", "--node", "off") as sidecar, Wire(sidecar) as wire, Wire(sidecar) as idle:
        wire.send(wire.run(SLEEP))
        wait_until(lambda: running(sidecar))
        family = sidecar.descendants()
        began = time.monotonic()
        sidecar.process.send_signal(signal.SIGTERM)
        result = wire.reply().json
        assert (result["status"], result["error"]["type"]) == ("killed", "SandboxStopped")
        assert idle.closed()
        assert sidecar.process.wait(5) == 0
        assert time.monotonic() - began < 3
        assert not gone(family, within=1)
        assert not sidecar.socket.exists()


def test_nothing_outlives_a_supervisor_that_is_killed() -> None:
    with running_sidecar("root", "--node", "off") as sidecar, Wire(sidecar) as wire:
        wire.send(wire.run(SLEEP))
        wait_until(lambda: running(sidecar))
        family = sidecar.descendants()
        assert len(family) > 4
        sidecar.process.kill()
        sidecar.process.wait(5)
        assert not gone(family, within=5)


def test_out_of_descriptors_nothing_is_lost_for_good() -> None:
    with running_sidecar("root", "--node", "off", "--recycle-runs", "3", "--spares-python", "2") as sidecar:
        process = psutil.Process(sidecar.pid)
        few, (soft, hard) = process.num_fds(), process.rlimit(psutil.RLIMIT_NOFILE)
        process.rlimit(psutil.RLIMIT_NOFILE, (few + 1, hard))  # one connection, and no stream of a child
        for _ in range(4):
            sidecar.ask("GET", "/health")
            with Wire(sidecar, timeout=3) as wire, suppress(OSError):
                wire.send(wire.run(TRIVIAL))
                assert wire.reply().status in (200, 503)
        time.sleep(2.5)
        process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
        for _ in range(5):
            assert sidecar.run_when_up(TRIVIAL)["outputs"] == {"fine": True}
        wait_until(lambda: sidecar.health()["counters"]["recycled"] >= 1)
