"""Whoever dies first, nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from apps.sandbox.sidecar.zygote import launch
from tests.sandbox.zygote.conftest import START
from tests.sandbox.zygote.driver import Child, Zygote

FOREVER = "import time\ndef main():\n    while True:\n        time.sleep(60)\n"
SOON_S = 5.0


def family(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def all_gone(processes: list[psutil.Process]) -> bool:
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        if not [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]:
            return True
        time.sleep(0.02)
    return False


@contextmanager
def busy(zygote: Zygote, count: int = 3) -> Iterator[tuple[list[psutil.Process], list[Child]]]:
    """Keep some children at work, and one idle; give all processes, and the children.

    A supervisor's death would close its ends of the streams; here this process lives on and keeps them open meanwhile.
    """
    children = [zygote.spawn() for _ in range(count)]
    for child in children:
        child.wait_ready()
    for child in children[1:]:
        child.send({"mode": "function", "code": FOREVER, "inputs": {}})
    processes = family(zygote.process.pid)
    assert len(processes) > count
    yield processes, children
    for child in children:
        child.stream.close()


def test_a_zygote_that_is_killed_takes_its_children_along(start: START):
    with start() as zygote, busy(zygote) as (processes, _):
        zygote.process.kill()
        assert all_gone(processes)


def test_when_only_the_inner_process_is_killed_the_rest_goes_too(start: START):
    with start() as zygote, busy(zygote) as (processes, _):
        os.kill(zygote.staged.pid, signal.SIGKILL)
        assert all_gone(processes)


def test_closing_the_channel_ends_everything(start: START):
    with start() as zygote, busy(zygote) as (processes, _):
        zygote.channel.close()
        assert all_gone(processes)


def test_a_supervisor_that_is_killed_leaves_nobody(tmp_path: Path):
    supervisor = textwrap.dedent("""
        import sys, time
        from tests.sandbox.zygote.driver import zygote
        from tests.sandbox.zygote.test_deaths import FOREVER
        import os
        with zygote(mode="root" if os.getuid() == 0 else "userns") as running:
            child = running.spawn()
            child.wait_ready()
            child.send({"mode": "function", "code": FOREVER, "inputs": {}})
            print("running", flush=True)
            time.sleep(600)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", supervisor],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(launch.SOURCE_ROOT)},
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"running\n"
        processes = family(process.pid)
        assert len(processes) >= 4
        process.kill()
        process.wait()
        assert all_gone(processes)


def test_a_kill_by_id_ends_that_child_only(start: START):
    with start() as zygote, busy(zygote) as (_, (first, second, third)):
        zygote.kill(second)
        assert zygote.wait_reaped(second).signal == signal.SIGKILL
        zygote.kill(second)  # there is no such child any more, and that is no error
        first.send({"mode": "function", "code": "def main():\n    return {'spared': True}", "inputs": {}})
        assert zygote.finish(first).outputs == {"spared": True}
        zygote.kill(third)
        zygote.wait_reaped(third)


def test_a_child_whose_stream_ends_before_its_request_goes_quietly(start: START):
    with start() as zygote:
        child = zygote.spawn()
        child.wait_ready()
        child.stream.close()
        assert zygote.wait_reaped(child).code == 0


def test_a_zygote_answers_a_ping_while_children_work(start: START):
    with start() as zygote, busy(zygote):
        zygote.ping()
        deadline = time.monotonic() + SOON_S
        while not any(message.op == "pong" for message in zygote.messages):
            assert zygote.take_message(deadline - time.monotonic()) is not None


@pytest.mark.parametrize("broken", [b"nonsense", b'{"op":"pong"}'])
def test_a_broken_order_ends_the_zygote(start: START, broken: bytes, capfd: pytest.CaptureFixture[str]):
    with start() as zygote, busy(zygote) as (processes, _):
        zygote.channel.send(broken)
        assert all_gone(processes)
    assert "ControlBroken" in capfd.readouterr().err


def test_many_runs_leave_no_zombie_no_descriptor_and_no_memory_behind(start: START):
    with start() as zygote:

        def some_runs(count: int) -> None:
            for _ in range(count):
                assert zygote.run("def main():\n    return {}").outputs == {}

        inner = psutil.Process(zygote.staged.pid)
        some_runs(10)
        before = inner.memory_info().rss, inner.num_fds()
        some_runs(100)
        assert inner.children() == []
        assert inner.num_fds() == before[1]
        assert inner.memory_info().rss - before[0] < 1 << 20
