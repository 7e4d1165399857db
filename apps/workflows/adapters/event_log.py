"""The durable event log: one group-commit writer per process.

Runs hand over their rows and go on; a thread commits what has gathered, many runs in one statement. A run that must
know (its end) waits for the acknowledgement of its batch; the runs of a loop are told of a batch together. While the
database is away the writer keeps what it was given, in order: a log has no gaps.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from apps.workflows.adapters.acknowledging import Acknowledgements, Done
from apps.workflows.adapters.log_store import Ending, Portion, Stored, store
from apps.workflows.engine.journal import Row

logger = logging.getLogger(__name__)

LINGER_S = 0.15  # how long unacknowledged rows may gather
BATCH_ROWS = 512
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
#: How long a database that is away is waited for. Then its runs' leases have run out, and others may close them.
PATIENCE_S = 60.0
#: How long other threads may keep the interpreter while the writer, which many runs wait for, wants it. The usual 5 ms
#: are longer than a commit takes.
TURN_S = 0.0005

#: Stands for a run where there is none: whoever flushes waits for its turn.
NOBODY = UUID(int=0)
#: The database is away or busy: the same write may work later.
_PASSING = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
_REFUSED = (DatabaseError, psycopg.Error, ValueError, TypeError)


class NotLogged(Exception):
    """The rows were not stored; the run's log ends before them."""


class RunTaken(NotLogged):
    """Another process has closed the run, or it was deleted."""


@dataclass(slots=True)
class _Entry:
    portion: Portion
    done: Done | None = None


@dataclass(slots=True)
class _Batch:
    entries: list[_Entry] = field(default_factory=list)
    rows: int = 0
    urgent: bool = False

    def add(self, entry: _Entry) -> None:
        self.entries.append(entry)
        self.rows += len(entry.portion.rows)
        self.urgent = self.urgent or entry.done is not None


class GroupCommitWriter:
    """Commits rows of all runs of this process, in the order they were handed over."""

    def __init__(self) -> None:
        self._entries: deque[_Entry | None] = deque()
        #: Wakes the thread; what there is to do lies in the entries.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        #: Runs of which rows were lost: nothing more of them is written, since a log must not have a gap.
        self._broken: set[UUID] = set()

    def append(self, run_id: UUID, epoch: int, rows: Sequence[Row]) -> None:
        """Hand rows over; they are committed within about `LINGER_S` seconds."""
        self._put(_Entry(Portion(run_id=run_id, epoch=epoch, rows=rows)))

    def commit(self, run_id: UUID, epoch: int, rows: Sequence[Row], ending: Ending | None = None) -> Future[None]:
        """Hand rows over and learn when they, and the run's ending, are committed.

        The future fails with RunTaken, or with NotLogged when the database was away too long or refused them.
        """
        done: Future[None] = Future()
        self._put(_Entry(Portion(run_id=run_id, epoch=epoch, rows=rows, ending=ending), done))
        return done

    async def committed(self, run_id: UUID, epoch: int, rows: Sequence[Row], ending: Ending | None = None) -> None:
        """The same for runs on an event loop: hand rows over before anything else happens, and wait."""
        done = asyncio.get_running_loop().create_future()
        self._put(_Entry(Portion(run_id=run_id, epoch=epoch, rows=rows, ending=ending), done))
        await done

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything handed over so far is committed."""
        if self._thread is not None:
            self.commit(NOBODY, 0, []).result(timeout)

    def close(self) -> None:
        """Commit what is left and end the thread."""
        if self._thread is not None and self._thread.is_alive():
            self._entries.append(None)
            self._bell.put(None)
            self._thread.join(timeout=5)

    def _put(self, entry: _Entry) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._begin()
        self._entries.append(entry)
        if self._bell.empty():  # else the thread has yet to look, and will find this as well
            self._bell.put(None)

    def _begin(self) -> None:
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                sys.setswitchinterval(min(sys.getswitchinterval(), TURN_S))
                self._thread = threading.Thread(target=self._serve, name="event-log", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        while True:
            batch, ended = self._gather()
            if batch.entries:
                try:
                    self._write(batch.entries)
                except Exception as exc:  # border: the thread serves all runs and must not die of one
                    logger.exception("a batch of events could not be written")
                    self._give_up(batch.entries, exc)
                _release()
            if ended:
                connection.close()
                return

    def _gather(self) -> tuple[_Batch, bool]:
        """The next batch: closed by size, by somebody waiting, or by `LINGER_S`; and whether it is the last."""
        batch = _Batch()
        deadline = 0.0
        while True:
            while self._entries and batch.rows < BATCH_ROWS:  # whoever waits already rides along
                entry = self._entries.popleft()
                if entry is None:
                    return batch, True
                if not batch.entries:
                    deadline = time.monotonic() + LINGER_S
                batch.add(entry)
            if batch.urgent or batch.rows >= BATCH_ROWS:
                return batch, False
            try:
                self._bell.get(timeout=max(0.0, deadline - time.monotonic()) if batch.entries else None)
            except queue.Empty:
                return batch, False

    def _write(self, entries: Sequence[_Entry]) -> None:
        entries = self._sound(entries)
        pause, patience = FIRST_PAUSE_S, time.monotonic() + PATIENCE_S
        while entries:
            try:
                stored = store([entry.portion for entry in entries])
            except _PASSING as exc:
                connection.close()  # also where a pool gave us a dead one
                if time.monotonic() > patience:
                    self._give_up(entries, exc)
                    return
                logger.warning("the event log waits for the database: %s", type(exc).__name__)
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            except _REFUSED as exc:
                connection.close()
                if len(entries) > 1:  # one bad run must not fail its neighbours
                    for entry in entries:
                        self._write([entry])
                else:
                    self._give_up(entries, exc)
                return
            else:
                _acknowledge(entries, stored)
                return

    def _sound(self, entries: Sequence[_Entry]) -> list[_Entry]:
        """The entries without those of broken runs, which are told so."""
        sound = []
        for entry in entries:
            if entry.portion.run_id not in self._broken:
                sound.append(entry)
                continue
            if entry.portion.ending is not None:
                self._broken.discard(entry.portion.run_id)  # its last word
            _fail(entry, NotLogged("earlier events of this run were lost"))
        return sound

    def _give_up(self, entries: Sequence[_Entry], exc: Exception) -> None:
        for entry in entries:
            logger.error("events of run %s are lost: %s", entry.portion.run_id, type(exc).__name__)
            if entry.portion.ending is None:
                self._broken.add(entry.portion.run_id)
            _fail(entry, NotLogged(f"the database did not take the events: {type(exc).__name__}"))


def _acknowledge(entries: Sequence[_Entry], stored: Stored) -> None:
    with Acknowledgements() as answers:
        for entry in entries:
            run_id = entry.portion.run_id
            if entry.portion.ending is not None and run_id not in stored.ended:
                answers.give(entry.done, RunTaken("another process has closed the run"))
            elif entry.portion.ending is None and run_id not in stored.current and run_id != NOBODY:
                answers.give(entry.done, RunTaken("another process has taken the run over"))
            else:
                answers.give(entry.done)


def _fail(entry: _Entry, error: Exception) -> None:
    with Acknowledgements() as answers:
        answers.give(entry.done, error)


def _release() -> None:
    """Give the connection back to a pool; without one it stays open, since opening costs more than the write."""
    if connection.settings_dict.get("OPTIONS", {}).get("pool") and not connection.in_atomic_block:
        connection.close()


writer = GroupCommitWriter()
atexit.register(writer.close)
