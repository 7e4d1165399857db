"""One run's log: numbers its events and passes each to observers, followers and the durable log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from uuid import UUID

from apps.workflows.adapters.event_log import writer
from apps.workflows.adapters.live import live_publisher
from apps.workflows.adapters.log_store import Ending
from apps.workflows.engine.events import Event, NodeText, RunFinished
from apps.workflows.engine.journal import Numbered, Row, encode
from apps.workflows.engine.summary import RunSummary

Notify = Callable[[int, Event], None]
HANDOVER_S = 0.1


class RunLog:
    """Sequence numbers start at 1 and have no gaps. Use it on one event loop only."""

    def __init__(self, run_id: UUID, *, epoch: int, notify: Notify, with_node_text: bool) -> None:
        """`with_node_text`: whether a model's raw pieces are part of the log.

        Where an answer node passes them on they are, in order, as answer text; logging both would double the volume.
        """
        self.run_id = run_id
        self.summary = RunSummary()
        self.last_seq = 0
        self._epoch = epoch
        self._notify = notify
        self._with_node_text = with_node_text
        self._unwritten: list[Numbered] = []
        self._handover: asyncio.TimerHandle | None = None

    def emit(self, event: Event) -> None:
        """Take one event in: observers and followers get it now, the durable log within moments."""
        if not self._with_node_text and isinstance(event, NodeText):
            return
        seq = self._number(event)
        self._notify(seq, event)
        live_publisher().publish(self.run_id, seq, event)
        if self._handover is None:
            self._handover = asyncio.get_running_loop().call_later(HANDOVER_S, self._hand_over)

    async def finish(self, event: RunFinished, ending: Callable[[RunSummary], Ending]) -> None:
        """Commit the last event, everything before it and the run's ending together, and only then show it.

        So whoever sees the end of a run finds it in the database. Raises NotLogged.
        """
        await asyncio.wrap_future(self.commit_end(event, ending))
        self._notify(self.last_seq, event)
        live_publisher().publish(self.run_id, self.last_seq, event)
        await live_publisher().drained()

    def commit_end(self, event: RunFinished, ending: Callable[[RunSummary], Ending]) -> Future[None]:
        """The durable half of `finish`, for a process that ends and has no loop any more."""
        self._number(event)
        return writer.commit(self.run_id, self._epoch, self._take(), ending(self.summary))

    def tell_observers(self, event: Event) -> None:
        """Show the last event to the observers, after `commit_end`."""
        self._notify(self.last_seq, event)

    def _number(self, event: Event) -> int:
        self.last_seq += 1
        self.summary.add(event)
        self._unwritten.append((self.last_seq, event))
        return self.last_seq

    def _hand_over(self) -> None:
        rows = self._take()
        if rows:
            writer.append(self.run_id, self._epoch, rows)

    def _take(self) -> list[Row]:
        if self._handover is not None:
            self._handover.cancel()
            self._handover = None
        rows = encode(self._unwritten)
        self._unwritten = []
        return rows
