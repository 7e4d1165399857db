"""Jobs of the traces app."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_process_shutdown

from apps.traces.recorder.observer import flush
from apps.traces.services.find_missing import rebuild_missing_traces
from apps.traces.services.rebuild_trace import rebuild_trace
from support.errors import NotFound


@shared_task(name="traces.rebuild")
def rebuild(run_id: str) -> int:
    """Write the trace of a run whose process did not come to it; the number of spans, 0 without the run."""
    try:
        return rebuild_trace(UUID(run_id), replace=False)
    except NotFound:
        return 0


@shared_task(name="traces.rebuild_missing", ignore_result=True)
def rebuild_missing() -> int:
    """Every few minutes: no run that ended stays without a trace."""
    return rebuild_missing_traces()


@worker_process_shutdown.connect(weak=False)
def write_what_is_left(**_kwargs: Any) -> None:
    """Worker processes end without the interpreter's own farewell: write what is queued here."""
    flush(timeout=5.0)
