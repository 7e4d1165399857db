"""Runs a second with many clients, and what two thousand runs leave behind."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from _sandbox.figures import median, spread
from _sandbox.sidecar import TRIVIAL_PYTHON, Client, Sidecar, run_request

#: Runs before the first look: caches fill, and the interpreters reach the size that they keep.
SETTLE = 300


def throughput(sidecar: Sidecar, *, clients: int, seconds: float, repetitions: int) -> dict[str, Any]:
    """Runs a second of clients that each ask again as soon as they are answered; the median of the repetitions."""
    rates, times = [], []
    for _ in range(repetitions):
        done = one_load(sidecar, clients=clients, seconds=seconds)
        rates.append(len(done) / seconds)
        times.extend(done)
    return {
        "runs_per_second": round(median(rates), 1),
        "of_each_repetition": [round(rate, 1) for rate in rates],
        "clients": clients,
        "cores": len(os.sched_getaffinity(0)),
        "run_ms": spread(times),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def one_load(sidecar: Sidecar, *, clients: int, seconds: float) -> list[float]:
    """Let the clients ask for that long; the milliseconds of every run."""
    request = run_request(TRIVIAL_PYTHON)
    times: list[list[float]] = [[] for _ in range(clients)]
    end = time.monotonic() + seconds
    failures: list[Exception] = []

    def ask(mine: list[float]) -> None:
        client = Client(sidecar.path)
        try:
            while time.monotonic() < end:
                mine.append(client.timed_run(request))
        except Exception as error:  # noqa: BLE001 - the border of a thread: told to the one who started it
            failures.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [each for mine in times for each in mine]


def leftovers(sidecar: Sidecar, *, runs: int) -> dict[str, Any]:
    """What is there after many runs that was not there before."""
    request = run_request(TRIVIAL_PYTHON)
    for _ in range(SETTLE):
        sidecar.client.timed_run(request)
    before = look(sidecar)
    for _ in range(runs):
        sidecar.client.timed_run(request)
    time.sleep(0.5)
    after = look(sidecar)
    return {
        "runs": runs,
        "zombies": after["zombies"],
        "descriptors_growth": after["descriptors"] - before["descriptors"],
        "rss_growth_kb": after["rss_kb"] - before["rss_kb"],
        "private_growth_kb": after["private_kb"] - before["private_kb"],
        "before": before,
        "after": after,
    }


def look(sidecar: Sidecar) -> dict[str, int]:
    """The supervisor and its zygotes, whose children are waited for first so that each look sees the same."""
    sidecar.wait_for_spares("base", least=1)
    time.sleep(0.2)
    supervisor = psutil.Process(sidecar.pid)
    lasting = [supervisor, *zygotes(supervisor)]
    everybody = supervisor.children(recursive=True)
    return {
        "zombies": sum(is_zombie(each) for each in everybody),
        "descriptors": sum(len(os.listdir(f"/proc/{each.pid}/fd")) for each in lasting),
        "rss_kb": sum(each.memory_info().rss for each in lasting) // 1024,
        "private_kb": sum(private_kb(each.pid) or 0 for each in lasting),
        "processes": len(lasting),
    }


def zygotes(supervisor: psutil.Process) -> list[psutil.Process]:
    """The supervisor's children, and with a pid namespace the first process in each, which is the zygote itself."""
    outer = supervisor.children()
    namespace = os.readlink(f"/proc/{supervisor.pid}/ns/pid")
    inner = [child for each in outer for child in each.children() if outer_of_one(each, namespace)]
    return outer + inner


def outer_of_one(process: psutil.Process, namespace: str) -> bool:
    """Whether a process only waits for the zygote below it: it lives outside, and has put its children inside."""
    links = [f"/proc/{process.pid}/ns/{name}" for name in ("pid", "pid_for_children")]
    here, below = (os.readlink(link) for link in links)
    return here == namespace and below != namespace


def is_zombie(process: psutil.Process) -> bool:
    """Whether it has ended and nobody has asked how."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def private_kb(pid: int) -> int | None:
    """Memory of a process that no other one shares; None where the kernel does not let us see."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
