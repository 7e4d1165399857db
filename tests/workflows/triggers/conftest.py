"""A provider that takes its time, and real workers that execute runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from tests.chaos.conftest import environment, provider
from tests.server import ROOT, child_environment

__all__ = ["environment", "provider"]

Worker = subprocess.Popen[bytes]


@pytest.fixture
def empty_queue(transactional_db: None) -> None:
    """Nothing that other tests left for workers."""
    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        queue.delete("celery", "runs", "unacked", "unacked_index")


@pytest.fixture
def start_worker(empty_queue: None, environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start a Celery worker on this test's database; what still runs at the end is killed."""
    running: list[Worker] = []
    command = [sys.executable, "-m", "celery", "-A", "console.celery", "worker"]
    with (tmp_path / "worker.log").open("ab") as log:

        def start(*, queues: str = "celery,runs", processes: int = 1) -> Worker:
            worker = subprocess.Popen(
                [
                    *command,
                    f"--queues={queues}",
                    f"--concurrency={processes}",
                    "--without-gossip",
                    "--without-mingle",
                    "--loglevel=INFO",
                ],
                cwd=ROOT,
                env=child_environment(SKEP_PROCESS="worker", **environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            running.append(worker)
            return worker

        yield start
        for worker in running:
            kill(worker)


def kill(worker: Worker) -> None:
    """With all of its children, as when the machine's memory runs out."""
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
