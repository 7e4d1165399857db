"""One pass over a plan: the workflow itself, or one round of a container inside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from apps.workflows.engine.attempt import Activity
from apps.workflows.engine.events import ErrorInfo, FramePath
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.scheduler import Scheduler
from apps.workflows.engine.variables import Values


class Frame:
    """What belongs to one pass: which nodes are through, what they gave, who is at work in it.

    `weight` is the length of the way that lies behind the container, so that inner nodes are not thought less urgent
    than the outer ones that wait for them.
    """

    __slots__ = (
        *("active", "closed", "ended", "error", "over", "path"),
        *("plan", "retryable", "scheduler", "values", "weight"),
    )

    def __init__(self, plan: Plan, *, values: Values, path: FramePath = "", weight: int = 0) -> None:
        self.plan = plan
        self.values = values
        self.path = path
        self.weight = weight
        self.scheduler = Scheduler(plan)
        self.active: dict[int, Activity] = {}
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.error: ErrorInfo | None = None
        #: Whether what made it fail may work another time.
        self.retryable = False
        #: What the end nodes gave.
        self.ended: dict[int, Mapping[str, Any]] = {}
        #: Nothing that happens in it counts any more.
        self.closed = False

    def outputs(self) -> dict[str, Any]:
        """What the end nodes gave, merged in the order of the graph."""
        merged: dict[str, Any] = {}
        for index in self.plan.ends:
            merged.update(self.ended.get(index, {}))
        return merged

    def end(self) -> None:
        """Tell whoever waits for this pass that it is over."""
        if not self.over.done():
            self.over.set_result(None)
