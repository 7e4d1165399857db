"""Leaving in order: a process that ends (a restart, Ctrl-C) hands the runs it executes over instead of leaving them.

Another process may then go on with them at once, not after their leases have run out. Of a process that is killed,
they are found when that happens.
"""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import time
from concurrent.futures import Future

from django.utils import timezone

from apps.workflows.adapters.run_log import RunLog
from apps.workflows.engine.events import ErrorInfo, RunFinished
from apps.workflows.models import Run

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
_open: set[RunLog] = set()


def entered(log: RunLog) -> None:
    """This process executes the run."""
    _open.add(log)


def left(log: RunLog) -> None:
    """The run has ended, or another process has it."""
    _open.discard(log)


def interrupted(started_at: dt.datetime, *, stopped: bool = False, why: str = "") -> RunFinished:
    """The last event of a run whose process ended before it did."""
    now = time.time()
    return RunFinished(
        at=now,
        status="stopped" if stopped else "failed",
        outputs={},
        error=ErrorInfo(
            code="interrupted",
            message=why or "The processes that executed this run ended before the run did. Run it again.",
        ),
        elapsed=max(0.0, now - started_at.timestamp()),
    )


@atexit.register
def hand_over_own_runs() -> int:
    """Let other processes have the runs of this one at once; returns how many there were.

    Called when the interpreter ends, after the event loop: nothing else touches the logs any more. What could not be
    written is salvaged from the live events by whoever goes on.
    """
    leaving: list[tuple[RunLog, Future[None]]] = [(log, log.hand_over()) for log in tuple(_open)]
    deadline = time.monotonic() + PATIENCE_S
    for log, done in leaving:
        try:
            done.result(max(0.0, deadline - time.monotonic()))
            Run.objects.filter(id=log.run_id, epoch=log.epoch).update(lease_until=timezone.now())
        except Exception as exc:  # noqa: BLE001 - border: the process ends in any case; the lease will run out
            logger.warning("run %s could not be handed over on leaving: %s", log.run_id, type(exc).__name__)
        left(log)
    return len(leaving)
