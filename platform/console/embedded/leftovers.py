"""End what a crashed copy left running, before this one starts on the same files."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from console.embedded.datadir import read_json, write_json
from console.embedded.errors import StartupError

PATIENCE = 8.0


def record(path: Path, *, processes: Iterable[tuple[str, int, int]]) -> None:
    """Remember (name, process id, stop signal) of every running child."""
    entries = [
        {"name": name, "pid": pid, "born": _born(pid), "signal": stop_signal} for name, pid, stop_signal in processes
    ]
    write_json(path, {"children": entries})


def end_leftovers(path: Path) -> list[str]:
    """Stop remembered processes that still run, and wait for them; return their names.

    A process id alone proves nothing, it may be somebody else's by now: the time of birth must match too.
    """
    import psutil

    found: list[tuple[dict[str, Any], psutil.Process]] = []
    for entry in read_json(path).get("children", []):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(entry["pid"])
            if entry["born"] is not None and abs(process.create_time() - entry["born"]) < 1:
                process.send_signal(entry["signal"])
                found.append((entry, process))
    _, alive = psutil.wait_procs([process for _, process in found], timeout=PATIENCE)
    for process in alive:
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=PATIENCE)
    path.unlink(missing_ok=True)
    return [entry["name"] for entry, _ in found]


def clear_postmaster_file(data: Path) -> None:
    """Remove PostgreSQL's own lock after a crash.

    Its process id may have been given to another process since (in a container that is the rule), and the
    server would then refuse to start. We hold the data directory's lock, so only a server that was started by
    hand can be using it.
    """
    import psutil

    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_bytes().split()[0])
    except (OSError, ValueError, IndexError):
        return
    with contextlib.suppress(psutil.Error):
        if str(data) in psutil.Process(pid).cmdline():
            raise StartupError(f"A PostgreSQL server (process {pid}) already runs on {data}. Stop it first.")
    lock.unlink(missing_ok=True)


def _born(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
