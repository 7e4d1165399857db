"""Celery workers that kill themselves, with signal 9, right after a given event of the run that they execute.

Told by lines on stdin: each is a NUMBER, and the answer `died` or `ended`. Every line gets a worker of its own, forked
from a process that has loaded everything; it takes one task from the queue and ends with it.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

import django


def main() -> None:
    """Serve lines until there are no more."""
    django.setup()
    from apps.workflows.services import execute_run, go_on  # noqa: F401 - loaded once, for all children

    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(int(line))
        _, status = os.waitpid(child, 0)
        print("died" if os.WIFSIGNALED(status) else "ended", flush=True)


@dataclass(frozen=True)
class Killer:
    """Follows a run; dies after event `number`."""

    number: int

    def on_event(self, seq: int, _event: object) -> None:
        if seq == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


def work(number: int) -> None:
    """Be a worker for one task; does not return."""
    from celery.signals import task_postrun

    from apps.workflows.hooks import register_observer
    from console.celery import app

    register_observer(lambda _run: Killer(number))
    task_postrun.connect(lambda **_: os._exit(0), weak=False)
    os.dup2(2, 1)  # stdout is for answers
    app.worker_main(["worker", "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat"])
    os._exit(1)


if __name__ == "__main__":
    main()
