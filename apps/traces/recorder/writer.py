"""The one thread of a process that writes traces, behind a bounded queue: no run ever waits for it."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import psycopg
from django.db import InterfaceError, OperationalError, connections

from apps.traces.recorder import counters
from apps.traces.recorder.record import RecordedTrace
from apps.traces.recorder.store import ALIAS, write

logger = logging.getLogger(__name__)

CAPACITY = 1_000
BATCH = 64
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
#: How many runs whose trace found no place are remembered, to be rebuilt from their event log.
REMEMBERED = 10_000

#: The database is away or busy: the same write may work later.
_PASSING = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A trace to be written: `make` does the expensive part, on the writer's thread."""

    run_id: UUID
    make: Callable[[], RecordedTrace]


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the traces so far."""

    written: int = 0
    dropped: int = 0
    refused: int = 0
    retries: int = 0


class TraceWriter:
    """Takes finished traces and writes them in batches. `submit` never waits and never raises."""

    def __init__(
        self,
        *,
        capacity: int = CAPACITY,
        store: Callable[[Sequence[RecordedTrace]], int] = write,
        rebuild: Callable[[UUID], None] | None = None,
        first_pause: float = FIRST_PAUSE,
        report: Callable[[Mapping[str, int]], bool] | None = None,
    ) -> None:
        self.counts = Counts()
        self._reported = Counts()
        self._report = report
        self._capacity = capacity
        self._store = store
        self._rebuild = rebuild
        self._first_pause = first_pause
        self._missed: deque[UUID] = deque(maxlen=REMEMBERED)
        self._waiting: deque[Job] = deque()
        self._closing = False
        self.start_afresh()

    def start_afresh(self) -> None:
        """Forget the thread and the queue: a forked child has no part in its parent's."""
        self._changed = threading.Condition()
        self._waiting.clear()
        self.counts, self._reported = Counts(), Counts()
        self._running = self._busy = False

    def submit(self, job: Job) -> bool:
        """Queue a trace; False (and one more drop counted) when the queue is full."""
        with self._changed:
            if self._closing and not self._running:
                # The process is ending: a thread started now would not live to write.
                self._write(self._made([job]))
                return True
            if len(self._waiting) >= self._capacity:
                self.counts.dropped += 1
                self._missed.append(job.run_id)
                return False
            self._waiting.append(job)
            self._ensure_thread()
            self._changed.notify_all()
        return True

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was submitted is written; False when the time is up first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Write what is queued and stop; what a database that is away did not take by then is lost."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        with self._changed:  # the thread too: what comes later is written by whoever brings it
            done = self._changed.wait_for(lambda: not self._waiting and not self._running, timeout)
        if not done:
            logger.warning("traces could not be written before the process ended; their runs can be rebuilt")
        return done

    def _ensure_thread(self) -> None:
        if not self._running:
            self._running = True
            threading.Thread(target=self._work, name="trace-writer", daemon=True).start()

    def _work(self) -> None:
        try:
            self._take_turns()
        except Exception:  # border: the next trace starts another thread, and nobody waits for this one
            logger.exception("the trace writer stumbled")
            with self._changed:
                self._running = self._busy = False
                self._changed.notify_all()

    def _take_turns(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    self._running = False
                    self._changed.notify_all()
                    return
                jobs = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._busy = True
            self._write(self._made(jobs))
            self._tell()
            if not self._waiting:
                self._settle()

    def _made(self, jobs: Sequence[Job]) -> list[RecordedTrace]:
        made = []
        for job in jobs:
            try:
                made.append(job.make())
            except Exception:
                self.counts.refused += 1
                logger.exception("the trace of run %s could not be made", job.run_id)
        return made

    def _write(self, records: list[RecordedTrace]) -> None:
        """Write the batch, again and again while the database is away, one by one if it refuses it."""
        pause = self._first_pause
        while records:
            try:
                self.counts.written += self._store(records)
                return
            except _PASSING as exc:
                self.counts.retries += 1
                logger.warning("the traces database does not take traces (%s); trying again", exc)
                connections[ALIAS].close()
                if self._closing:
                    self.counts.dropped += len(records)
                    return
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except Exception:  # border: a record may fail in any way, and the others are to be written
                if len(records) > 1:
                    for record in records:
                        self._write([record])
                    return
                self.counts.refused += 1
                logger.exception("the trace of run %s was refused", records[0].trace.run_id)
                return

    def _tell(self) -> None:
        """Report what was counted since the last time; what could not be reported is reported with the next."""
        now, before = asdict(self.counts), asdict(self._reported)
        changed = {name: count - before[name] for name, count in now.items() if count != before[name]}
        if self._report is not None and changed and self._report(changed):
            self._reported = Counts(**now)

    def _settle(self) -> None:
        """With nothing left to write: ask for the traces that were dropped, and give the connection back."""
        connections[ALIAS].close()
        while self._missed and self._rebuild is not None:
            try:
                self._rebuild(self._missed[0])
            except Exception:  # noqa: BLE001 - border: the queue is away; the next quiet moment tries again
                logger.warning("dropped traces could not be queued for a rebuild")
                return
            self._missed.popleft()


def _ask_for_rebuild(run_id: UUID) -> None:
    from support.jobs import enqueue

    enqueue("traces.rebuild", str(run_id))


#: The writer of this process.
writer = TraceWriter(rebuild=_ask_for_rebuild, report=counters.add)
os.register_at_fork(after_in_child=writer.start_afresh)
atexit.register(writer.close)
