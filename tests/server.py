"""A real Daphne in a process of its own, on the database of the running test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from console.embedded import ports

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 180


def child_environment(**more: str) -> dict[str, str]:
    """The environment of a child that shares this test's database, Redis and data directory."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    return {
        **os.environ,
        "DATABASE_URL": database,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        "DJANGO_SETTINGS_MODULE": "console.settings.test",
        "SECRET_KEY": settings.SECRET_KEY,
        "ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
        **more,
    }


@contextmanager
def web_server(**environment: str) -> Iterator[str]:
    """The base URL of a server that answers. Environment variables may be added."""
    port = ports.choose()
    command = [sys.executable, "-m", "daphne", "-e", f"tcp:{port}:interface=127.0.0.1", "console.asgi:application"]
    with (Path(os.environ["SKEP_DATA_DIR"]) / f"web-{port}.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=ROOT, env=child_environment(**environment), stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait(child, f"{base}/health/live", Path(log.name))
        yield base
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def celery_worker(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker, ready to take tasks."""
    command = [sys.executable, "-m", "celery", "-A", "console", "worker", "--pool", "prefork", "-c", "1"]
    command += ["--without-gossip", "--without-mingle", "-n", f"test-{time.monotonic_ns()}@%h", "--loglevel", "INFO"]
    path = Path(os.environ["SKEP_DATA_DIR"]) / f"worker-{time.monotonic_ns()}.log"
    env = child_environment(SKEP_PROCESS="worker", **environment)
    with path.open("wb") as log:
        child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while b" ready." not in path.read_bytes():
            if child.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(path.read_text(errors="replace"))
            time.sleep(0.1)
        yield child
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if child.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(log.read_text(errors="replace")) from None
            time.sleep(0.1)
