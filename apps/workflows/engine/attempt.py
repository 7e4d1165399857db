"""Run one node once: its time limit, the pieces it streams, and the border where surprises become failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from apps.workflows.engine.clock import Clock
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Usage
from apps.workflows.engine.graph import PlanNode
from apps.workflows.engine.node import NodeContext, NodeResult
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.variables import Values

logger = logging.getLogger(__name__)


class Activity:
    """A node between its start and its end, over all its tries."""

    __slots__ = ("_began", "_clock", "_tell", "_used", "first_text", "pieces", "seen", "tried")

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._began = clock.elapsed()
        self.first_text: float | None = None
        self.pieces: list[str] = []
        self.tried = 0
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
        self._tell(piece)

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


async def attempt(node: PlanNode, activity: Activity, *, ports: Ports, values: Values) -> NodeResult:
    """Run the node once. Raises NodeFailure, whatever went wrong."""
    activity.seen = NodeContext(node_id=node.id, values=values, ports=ports, text=activity.text)
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
