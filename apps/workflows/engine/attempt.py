"""Run one node once: its time limit, the pieces it streams, and the border where surprises become failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from apps.workflows.engine.clock import Clock
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import FramePath, Usage
from apps.workflows.engine.graph import PlanNode
from apps.workflows.engine.node import NodeContext, NodeResult, OtherWorkflow, Round
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.variables import Values
from apps.workflows.engine.waiting import at_work

logger = logging.getLogger(__name__)


class Host(Protocol):
    """The run, as its nodes' activities know it."""

    def text(self, activity: Activity, piece: str) -> None: ...

    def note(self, activity: Activity, kind: str, body: Mapping[str, Any]) -> None: ...

    def recall(self, activity: Activity, kind: str) -> Sequence[Mapping[str, Any]]: ...

    async def intend(self, activity: Activity, *, settled: bool) -> str: ...

    def room_for(self, activity: Activity, rounds: int) -> None: ...

    async def round(self, activity: Activity, round_: Round) -> Any: ...

    def callee(self, name: str) -> OtherWorkflow | None: ...

    async def call(self, activity: Activity, callee: OtherWorkflow, inputs: Mapping[str, Any]) -> Mapping[str, Any]: ...

    def reply(self, activity: Activity, asks: Mapping[str, Any], until: float | None) -> Mapping[str, Any]: ...

    def waits(self, activity: Activity) -> None: ...

    def goes_on(self, activity: Activity) -> None: ...


class Activity:
    """A node between its start and its end, over all its tries; it is what the node sees of the world."""

    __slots__ = (
        *("_began", "_clock", "_host", "_used", "_waits", "broken_off", "calls", "first_text", "frame", "node"),
        *("noted", "pieces", "rounds", "seen", "task", "tried"),
    )

    def __init__(self, node: PlanNode, frame: FramePath, *, clock: Clock, host: Host) -> None:
        self.node = node
        self.frame = frame
        self._clock = clock
        self._host = host
        self._began = clock.elapsed()
        self.first_text: float | None = None
        self.pieces: list[str] = []
        self.noted: list[tuple[str, Mapping[str, Any]]] = []
        self.tried = 0
        #: How many rounds or calls are open, and the numbers that calls have had.
        self.rounds = 0
        self.calls: set[int] = set()
        self._waits = 0
        #: Whether it was ended because something else had failed.
        self.broken_off = False
        self.task: asyncio.Task[Any] | None = None
        self._used: Usage | None = None
        #: What the node shows of its latest try.
        self.seen: NodeContext

    @property
    def elapsed(self) -> float:
        return self._clock.elapsed() - self._began

    def text(self, piece: str) -> None:
        """Take a piece of text from the running node."""
        if self.first_text is None and piece:
            self.first_text = self.elapsed
        self.pieces.append(piece)
        self._host.text(self, piece)

    def note(self, kind: str, body: Mapping[str, Any]) -> None:
        """Show followers something of the running node."""
        self._host.note(self, kind, body)
        self.noted.append((kind, body))

    def recall(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """See `World.recall`."""
        return [*self._host.recall(self, kind), *(body for noted, body in self.noted if noted == kind)]

    @property
    def usage_is_counted(self) -> bool:
        """See `World.usage_is_counted`."""
        return self._used is not None

    async def intend(self, *, settled: bool = False) -> str:
        """See `World.intend`."""
        return await self._host.intend(self, settled=settled)

    def room_for(self, rounds: int) -> None:
        """See `World.room_for`."""
        self._host.room_for(self, rounds)

    async def round(self, round_: Round) -> Any:
        """See `World.round`."""
        return await self._host.round(self, round_)

    def callee(self, name: str) -> OtherWorkflow | None:
        """See `World.callee`."""
        return self._host.callee(name)

    async def call(self, callee: OtherWorkflow, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `World.call`."""
        return await self._host.call(self, callee, inputs)

    def waits(self) -> None:
        """The node waits for a place somewhere; several times at once, if it does several things at once."""
        self._waits += 1
        if self._waits == 1:
            self._host.waits(self)

    def goes_on(self) -> None:
        """And has it."""
        self._waits -= 1
        if self._waits == 0:
            self._host.goes_on(self)

    def later(self, seconds: float | None) -> float | None:
        """See `World.later`."""
        return None if seconds is None else self._clock.now() + seconds

    def reply(self, asks: Mapping[str, Any], *, until: float | None) -> Mapping[str, Any]:
        """See `World.reply`."""
        return self._host.reply(self, asks, until)

    @property
    def usage(self) -> Usage | None:
        """Tokens of all tries so far, None when no model was asked."""
        now = self.seen.usage
        return now if self._used is None else self._used if now is None else self._used + now

    def forget(self) -> None:
        """Begin anew: what was streamed does not count, but its tokens do."""
        self._used, self.seen.usage = self.usage, None
        self.first_text = None
        self.pieces = []


class PutAside(BaseException):
    """A node waits for somebody. No failure, so no node may catch it by accident."""


async def attempt(activity: Activity, *, ports: Ports, values: Values) -> NodeResult:
    """Run the node once. Raises NodeFailure, whatever went wrong, and PutAside when it has to wait."""
    node = activity.node
    at_work.set(activity)
    activity.seen = NodeContext(node_id=node.id, values=values, ports=ports, world=activity)
    try:
        if node.timeout is None:
            return await node.executor.run(activity.seen)
        return await _within(node.timeout, node, activity.seen)
    except NodeFailure:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody cancelled this run: something that the node waited for was cancelled underneath it.
        raise NodeFailure("internal_error", "Unexpected CancelledError.") from None
    except Exception as surprise:
        # A border: a defect in one node, or an adapter that breaks its promise, must end as a failure of that node.
        # The message may hold secrets, so the reader gets the class name and the log gets the rest.
        logger.exception("node %s failed unexpectedly", node.id)
        raise NodeFailure("internal_error", f"Unexpected {type(surprise).__name__}.") from surprise


async def _within(limit: float, node: PlanNode, context: NodeContext) -> NodeResult:
    try:
        async with asyncio.timeout(limit) as timer:
            return await node.executor.run(context)
    except TimeoutError:
        if not timer.expired():
            raise
        raise NodeFailure("timeout", f"No result within {limit:g} s.", retryable=True) from None
