"""Watches one run: notes every event down and hands the finished trace to the writer."""

from __future__ import annotations

from apps.traces.recorder.fold import Folding
from apps.traces.recorder.writer import Job, TraceWriter, writer
from apps.workflows.engine.events import Event, RunFinished
from apps.workflows.hooks import RunInfo


class TraceObserver:
    """An observer of the workflows hooks: it returns at once and cannot steer the run."""

    def __init__(self, run: RunInfo, *, to: TraceWriter = writer) -> None:
        self._folding = Folding(run)
        self._writer = to

    def on_event(self, seq: int, event: Event) -> None:
        """Note the event; the last one sends the trace off."""
        self._folding.take(seq, event)
        if isinstance(event, RunFinished):
            self._writer.submit(Job(run_id=self._folding.run.run_id, make=self._folding.finish))


def observe(run: RunInfo) -> TraceObserver:
    """The factory that is registered with the workflows hooks: every run is traced."""
    return TraceObserver(run)


def flush(timeout: float = 10.0) -> bool:
    """Wait until the traces of this process are written (a shell command does before it ends)."""
    return writer.flush(timeout)
