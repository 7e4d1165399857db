"""One copy of Skep on one data directory: a lock that the kernel drops when its holder dies."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.embedded.datadir import DataDir, read_json
from console.embedded.errors import DataDirLocked


@contextmanager
def hold(path: Path, *, url: str) -> Iterator[None]:
    """Hold the lock and say who we are; refuse if another copy holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise DataDirLocked(_who(path)) from exc
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def running_addresses(data: DataDir) -> dict[str, str]:
    """DATABASE_URL, REDIS_URL and SKEP_URL of the copy that runs on a data directory; nothing if none runs.

    This is how a management command in another shell finds the embedded services.
    """
    pid = read_json(data.lock).get("pid")
    if not isinstance(pid, int):
        return {}
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return {}
    except PermissionError:
        pass  # it runs, and belongs to somebody else
    return {name: str(address) for name, address in read_json(data.running).items()}


def _who(path: Path) -> str:
    holder = read_json(path)
    process = f" (process {holder['pid']}, {holder['url']})" if {"pid", "url"} <= holder.keys() else ""
    return (
        f"Skep already runs on {path.parent}{process}. "
        "Stop that copy first, or start this one with another --data-dir and --port: "
        'make up UP_ARGS="--data-dir FOLDER --port 9000".'
    )
