"""One run's log: numbers its events and passes each to observers, followers and the durable log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from uuid import UUID

from apps.workflows.adapters.event_log import writer
from apps.workflows.adapters.live import live_publisher
from apps.workflows.adapters.log_store import Ending
from apps.workflows.engine.events import Event, NodeSucceeded, NodeText, RunFinished, RunPaused
from apps.workflows.engine.journal import Numbered, Row, Written, body_of, rows_of
from apps.workflows.engine.summary import RunSummary

Notify = Callable[[int, Event], None]
HANDOVER_S = 0.1
#: A model's result goes to the log at once, unless the run ends within this time and takes it along.
PAID_S = 0.005


class RunLog:
    """Sequence numbers start at 1 and have no gaps. Use it on one event loop only."""

    def __init__(
        self,
        run_id: UUID,
        *,
        epoch: int,
        notify: Notify,
        with_node_text: bool,
        past: Sequence[Numbered] = (),
    ) -> None:
        """`with_node_text`: whether a model's raw pieces are part of the log.

        Where an answer node passes them on they are, in order, as answer text; logging both would double the volume.
        `past` are the events that the log holds already, for a run that goes on.
        """
        self.run_id = run_id
        self.summary = RunSummary()
        self.last_seq = 0
        self.epoch = epoch
        self._notify = notify
        self._with_node_text = with_node_text
        self._unwritten: list[Written] = []
        self._handover: asyncio.TimerHandle | None = None
        for seq, event in past:
            self.last_seq = seq
            self.summary.add(event)
            notify(seq, event)

    def emit(self, event: Event) -> None:
        """Take one event in: observers and followers get it now, the durable log within moments."""
        if not self._with_node_text and isinstance(event, NodeText):
            return
        seq, _, body = self._number(event)
        self._notify(seq, event)
        live_publisher().publish(self.run_id, seq, body)
        if isinstance(event, NodeSucceeded) and event.usage is not None:
            self._schedule(PAID_S, self._commit_soon)
        elif self._handover is None:
            self._schedule(HANDOVER_S, self._hand_over)

    async def durable(self) -> None:
        """Return once the log holds everything emitted so far. Raises RunTaken, NotLogged."""
        await writer.committed(self.run_id, self.epoch, self._take())

    async def finish(self, event: RunFinished, ending: Callable[[RunSummary], Ending]) -> None:
        """Commit the last event, everything before it and the run's ending together, and only then show it.

        So whoever sees the end of a run finds it in the database. Raises NotLogged.
        """
        self._number(event)
        await writer.committed(self.run_id, self.epoch, self._take(), ending(self.summary))
        await self.show(event)

    async def pause(self, event: RunPaused) -> None:
        """Commit the last event for now; whoever puts the run aside shows it afterwards with `show`."""
        self._number(event)
        await self.durable()

    async def show(self, event: Event) -> None:
        """Let observers and followers have an event that was committed first."""
        self._notify(self.last_seq, event)
        live_publisher().publish(self.run_id, self.last_seq, body_of(event))
        await live_publisher().drained()

    def hand_over(self) -> Future[None]:
        """Have the rest written, for a process that ends and has no loop any more."""
        rows = rows_of(self._unwritten)
        self._unwritten = []
        return writer.commit(self.run_id, self.epoch, rows)

    def _number(self, event: Event) -> Written:
        self.last_seq += 1
        self.summary.add(event)
        numbered = self.last_seq, event, body_of(event)
        self._unwritten.append(numbered)
        return numbered

    def _hand_over(self) -> None:
        rows = self._take()
        if rows:
            writer.append(self.run_id, self.epoch, rows)

    def _schedule(self, delay: float, act: Callable[[], None]) -> None:
        if self._handover is not None:
            self._handover.cancel()
        self._handover = asyncio.get_running_loop().call_later(delay, act)

    def _commit_soon(self) -> None:
        """A model has been paid: nobody waits, but its result should not be lost to save a commit."""
        writer.commit(self.run_id, self.epoch, self._take())

    def _take(self) -> list[Row]:
        if self._handover is not None:
            self._handover.cancel()
            self._handover = None
        rows = rows_of(self._unwritten)
        self._unwritten = []
        return rows
