"""Perform one ready node: try it, take what it gives, and do what its document says where it fails."""

from __future__ import annotations

import asyncio

from apps.workflows.engine.attempt import Activity, Host, PutAside, attempt
from apps.workflows.engine.clock import Clock
from apps.workflows.engine.crew import Crew
from apps.workflows.engine.errors import OUTCOME_UNKNOWN, NodeFailure
from apps.workflows.engine.events import ErrorInfo
from apps.workflows.engine.frame import Frame
from apps.workflows.engine.graph import PlanNode
from apps.workflows.engine.node import NodeResult
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.progress import Progress, instead_of
from apps.workflows.engine.variables import Reference


class Performer:
    """Performs the nodes of one run."""

    def __init__(self, progress: Progress, *, ports: Ports, clock: Clock, steps: int | None) -> None:
        self._progress = progress
        self._telling = progress.telling
        self._past = progress.past
        self._ports = ports
        self._clock = clock
        self._steps = steps
        self.crew: Crew
        self.host: Host

    async def perform(self, frame: Frame, node: PlanNode) -> None:
        """Try the node once, and see to what follows."""
        activity = frame.active.get(node.index) or self._begin(frame, node)
        if activity is None:
            return
        activity.task = asyncio.current_task()
        try:
            result = await attempt(activity, ports=self._ports, values=frame.values)
        except PutAside:
            activity.task = None  # it stays active, and open to the scheduler
            return
        except NodeFailure as failure:
            if self._telling.broken is not None:
                raise self._telling.broken from None
            if not self.crew.closed and not frame.closed:
                if failure.code != OUTCOME_UNKNOWN:
                    self._is_known(frame, node)
                self._failed(frame, activity, failure)
            return
        if not self.crew.closed and not frame.closed:
            self._is_known(frame, node)
            self._succeeded(frame, activity, result)

    def _is_known(self, frame: Frame, node: PlanNode) -> None:
        """How the node's act of an earlier process ended is known now."""
        if self._past is not None:
            self._past.intended.discard((frame.path, node.id))

    def _begin(self, frame: Frame, node: PlanNode) -> Activity | None:
        """The node's activity, or None where the run has taken all the steps it may."""
        if self._steps is not None and self._telling.steps >= self._steps:
            message = f"The run would take more than {self._steps:,} steps (setting RUN_STEPS)."
            self._progress.error = ErrorInfo(code="too_many_steps", message=message, node_id=node.id)
            self.crew.rest_now()
            return None
        activity = Activity(node, frame.path, clock=self._clock, host=self.host)
        if self._past is not None:
            activity.tried = self._past.tried.get((frame.path, node.id), 0)
        self._telling.node_started(frame, node, activity)
        frame.active[node.index] = activity
        return activity

    def _succeeded(self, frame: Frame, activity: Activity, result: NodeResult) -> None:
        node = activity.node
        if result.writes:
            try:
                for path, value in result.writes.items():
                    frame.values.assign(Reference.parse(path), value)
            except KeyError as missing:
                message = f"There is no variable {missing} here."
                failure = NodeFailure("missing_value", message, details={"path": str(missing)})
                self._failed(frame, activity, failure)
                return
        del frame.active[node.index]
        if result.partial:
            self._progress.handled = True
        self._telling.node_succeeded(frame, node, activity, result)
        self._progress.go_on(frame, node, result.outputs, result.handle)

    def _failed(self, frame: Frame, activity: Activity, failure: NodeFailure) -> None:
        """Try again later, go on as the policy says, or fail the frame."""
        node = activity.node
        retry, then = node.policy.retry, node.policy.then
        activity.tried += 1
        details = {**failure.details, "attempts": activity.tried} if activity.tried > 1 else failure.details
        error = ErrorInfo(code=failure.code, message=failure.message, node_id=node.id, details=details)
        if retry is not None and retry.wants(failure, tried=activity.tried):
            delay = retry.delay(failure, tried=activity.tried)
            self._telling.node_retried(node, activity, error, delay)
            activity.forget()
            activity.task = None
            if self._past is not None:
                self._past.forget_inside(frame.path, node.id)
            self.crew.later(frame, node.index, delay)
            return
        del frame.active[node.index]
        handled = then != "fail"
        self._telling.node_failed(node, activity, error, handled=handled, partial=failure.partial_text)
        if handled:
            self._progress.handled = True
            outputs, handle = instead_of(node, error)
            self._progress.go_on(frame, node, outputs, handle, failed=True)
        else:
            self._progress.fail(frame, error, retryable=failure.retryable)
