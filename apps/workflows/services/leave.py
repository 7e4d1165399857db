"""Leaving in order: a process that ends (a restart, Ctrl-C) closes the runs it executes instead of leaving them.

Their readers come back to another process and find an honest end at once, not after the lease has run out. A process
that is killed cannot do this; the reaper does it then.
"""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import time
from concurrent.futures import Future

from apps.workflows.adapters.live import publish_now
from apps.workflows.adapters.run_log import RunLog
from apps.workflows.engine.events import ErrorInfo, RunFinished
from apps.workflows.services.finish_run import ending_of

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
_open: dict[RunLog, float] = {}


def entered(log: RunLog) -> None:
    """This process executes the run."""
    _open[log] = time.time()


def left(log: RunLog) -> None:
    """The run has ended, or another process has it."""
    _open.pop(log, None)


def interrupted(started_at: dt.datetime, *, stopped: bool = False) -> RunFinished:
    """The last event of a run whose process ended before it did."""
    now = time.time()
    return RunFinished(
        at=now,
        status="stopped" if stopped else "failed",
        outputs={},
        error=ErrorInfo(
            code="interrupted",
            message="The process that executed this run ended before the run did. Run it again.",
        ),
        elapsed=max(0.0, now - started_at.timestamp()),
    )


@atexit.register
def close_own_runs() -> int:
    """End the runs of this process as interrupted; what their readers saw stays. Returns how many were closed.

    Called when the interpreter ends, after the event loop: nothing else touches the logs any more.
    """
    ending: list[tuple[RunLog, RunFinished, Future[None]]] = []
    for log, began in tuple(_open.items()):
        event = interrupted(dt.datetime.fromtimestamp(began, dt.UTC))
        ending.append((log, event, log.commit_end(event, ending_of)))
        left(log)
    deadline = time.monotonic() + PATIENCE_S
    closed = 0
    for log, event, done in ending:
        try:
            done.result(max(0.0, deadline - time.monotonic()))
        except Exception as exc:  # noqa: BLE001 - border: the process ends in any case; the reaper sees to the run
            logger.warning("run %s could not be closed on leaving: %s", log.run_id, type(exc).__name__)
            continue
        log.tell_observers(event)
        publish_now(log.run_id, log.last_seq, event)
        closed += 1
    return closed
