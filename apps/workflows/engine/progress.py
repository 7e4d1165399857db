"""How far a run is: its frames, what became ready in them, what is recalled of the past, and how frames end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any

from apps.workflows.engine.attempt import Activity
from apps.workflows.engine.crew import Crew
from apps.workflows.engine.events import BROKEN_OFF, ErrorInfo, FramePath
from apps.workflows.engine.frame import Frame
from apps.workflows.engine.frame_path import lies_in
from apps.workflows.engine.graph import PlanNode
from apps.workflows.engine.past import Outcome, Past
from apps.workflows.engine.policy import ERROR_HANDLE
from apps.workflows.engine.telling import Telling


class Progress:
    """The frames of one run. What is ready goes to the crew; what has already run is recalled."""

    def __init__(self, root: Frame, *, past: Past | None, telling: Telling) -> None:
        self.root = root
        self.frames: dict[FramePath, Frame] = {"": root}
        self.past = past
        self.telling = telling
        self.crew: Crew
        #: Nodes that wait for somebody, and what is known of that.
        self.waiting: dict[tuple[FramePath, str], Mapping[str, Any]] = {}
        self.error: ErrorInfo | None = None
        #: Whether the document dealt with a failure, so that the run has succeeded only in part.
        self.handled = False

    def start(self, frame: Frame, entry: int | None = None) -> None:
        """Begin a pass; of several entries only `entry` runs, if it is given."""
        ready, skipped = frame.scheduler.start(entry)
        self.telling.skipped(frame, skipped)
        self._add(frame, ready)

    def go_on(
        self,
        frame: Frame,
        node: PlanNode,
        outputs: Mapping[str, Any],
        handle: str | None,
        *,
        failed: bool = False,
    ) -> None:
        """A node is through: its values are in place, and others may begin."""
        self._add(frame, self._through(frame, node, outputs, handle, failed=failed))

    def _through(
        self, frame: Frame, node: PlanNode, outputs: Mapping[str, Any], handle: str | None, *, failed: bool
    ) -> list[int]:
        frame.values.put(node.id, outputs)
        if node.type == "end" and not failed:
            frame.ended[node.index] = outputs
        ready, skipped = frame.scheduler.done(node.index, handle)
        self.telling.went_on(frame, node, outputs, skipped, failed=failed)
        return ready

    def _add(self, frame: Frame, ready: list[int]) -> None:
        """Put ready nodes on the agenda; those that have already run are recalled, and what follows them."""
        if self.past is not None:
            self._add_unknown(frame, ready, self.past)
        else:
            for node in ready:
                self.crew.add(frame, node)
        if frame.scheduler.finished:
            self.over(frame)

    def _add_unknown(self, frame: Frame, ready: list[int], past: Past) -> None:
        known: list[tuple[int, int]] = []  # by the order of the log, which the answer depends on
        while True:
            for node in ready:
                outcome = past.outcomes.get((frame.path, frame.plan.nodes[node].id))
                if outcome is None:
                    self.crew.add(frame, node)
                else:
                    heappush(known, (outcome.order, node))
            if not known:
                return
            recalled = frame.plan.nodes[heappop(known)[1]]
            ready = self._recall(frame, recalled, past.outcomes[frame.path, recalled.id])

    def _recall(self, frame: Frame, node: PlanNode, outcome: Outcome) -> list[int]:
        """Let a node that had run take its place again; the nodes that became ready. Variables it set are in place."""
        self.telling.node_recalled(frame, node, outcome.outputs)
        outputs, handle = outcome.outputs, outcome.handle
        if outcome.error is not None:
            self.handled = True
            outputs, handle = instead_of(node, outcome.error)
        self.handled = self.handled or outcome.partial
        return self._through(frame, node, outputs, handle, failed=outcome.error is not None)

    # How frames end

    def over(self, frame: Frame) -> None:
        """Nothing more happens in this frame; whoever waits for it goes on."""
        if frame.over.done():
            return
        frame.end()
        if frame is self.root:
            self.crew.look_for_rest()
        else:
            self.crew.wakes()

    def fail(self, frame: Frame, error: ErrorInfo, *, retryable: bool = False) -> None:
        """A node failed and nothing handles it: its frame is over, and with the outermost one the run."""
        if frame.error is None:
            frame.error, frame.retryable = error, retryable
        if frame is self.root:
            self.error = frame.error
            self.crew.rest_now()
        else:
            self.break_off(frame, "Another node of the same round failed.")
            self.over(frame)

    def break_off(self, frame: Frame, why: str) -> None:
        """End everything at work in a frame and in those inside it."""
        if self.crew.closed:
            return
        me = asyncio.current_task()
        for inner in [other for other in self.frames.values() if lies_in(other.path, frame.path)]:
            inner.closed = True
            for activity in inner.active.values():
                self.tell_broken_off(activity, why)
                if activity.task is not None and activity.task is not me:
                    activity.task.cancel()
            inner.active.clear()
            self.crew.forget_timers(inner)
            self.waiting = {place: asks for place, asks in self.waiting.items() if place[0] != inner.path}

    def break_off_all(self, why: str) -> None:
        """The run ends: tell of everything at work, the innermost first."""
        for frame in reversed(self.frames.values()):
            for activity in frame.active.values():
                self.tell_broken_off(activity, why)

    def tell_broken_off(self, activity: Activity, why: str) -> None:
        """A node was at work and has no outcome."""
        activity.broken_off = True
        error = ErrorInfo(code=BROKEN_OFF, message=why, node_id=activity.node.id)
        self.telling.node_failed(activity.node, activity, error)


def instead_of(node: PlanNode, error: ErrorInfo) -> tuple[dict[str, Any], str | None]:
    """What stands in for the outputs of a node whose failure is handled, and the way on."""
    outputs = {**node.policy.outputs, "error": {"code": error.code, "message": error.message}}
    return outputs, ERROR_HANDLE if node.policy.then == "branch" else None
