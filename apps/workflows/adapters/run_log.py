"""One run's log: numbers its events and passes each to observers, followers and the durable log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from apps.workflows.adapters.event_log import writer
from apps.workflows.adapters.live import live_publisher
from apps.workflows.engine.events import Event, NodeText
from apps.workflows.engine.journal import Numbered, Row, encode
from apps.workflows.engine.summary import RunSummary

Notify = Callable[[int, Event], None]


class RunLog:
    """Sequence numbers start at 1 and have no gaps. Use it on one event loop only."""

    def __init__(self, run_id: UUID, *, notify: Notify, with_node_text: bool) -> None:
        """`with_node_text`: whether a model's raw pieces are part of the log.

        Where an answer node passes them on they are, in order, as answer text; logging both would double the volume.
        """
        self.run_id = run_id
        self.summary = RunSummary()
        self._notify = notify
        self._with_node_text = with_node_text
        self._seq = 0
        self._unwritten: list[Numbered] = []
        self._handover: asyncio.TimerHandle | None = None

    def emit(self, event: Event) -> None:
        """Take one event in: observers and followers get it now, the durable log within moments."""
        if not self._with_node_text and isinstance(event, NodeText):
            return
        seq = self._number(event)
        live_publisher().publish(self.run_id, seq, event)
        if self._handover is None:
            self._handover = asyncio.get_running_loop().call_later(0.1, self._hand_over)

    async def finish(self, event: Event, work: Callable[[], None]) -> None:
        """Commit the last event, everything before it and `work` together, and only then show it to followers.

        So whoever sees the end of a run finds it in the database. Raises the database's error if that fails.
        """
        seq = self._number(event)
        rows = self._take()
        await asyncio.wrap_future(writer.commit(self.run_id, rows, work))
        live_publisher().publish(self.run_id, seq, event)
        await live_publisher().drained()

    def _number(self, event: Event) -> int:
        self._seq += 1
        self.summary.add(event)
        self._notify(self._seq, event)
        self._unwritten.append((self._seq, event))
        return self._seq

    def _hand_over(self) -> None:
        rows = self._take()
        if rows:
            writer.append(self.run_id, rows)

    def _take(self) -> list[Row]:
        if self._handover is not None:
            self._handover.cancel()
            self._handover = None
        rows = encode(self._unwritten)
        self._unwritten = []
        return rows
