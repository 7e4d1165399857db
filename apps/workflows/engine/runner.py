"""Run a plan: start what the scheduler says is ready, emit what happens, retry, time out and stop.

A few workers share one heap of ready nodes, so a chain stays in one task and a wide graph spreads over as many tasks
as the limit allows. Events are emitted, never yielded: who reads them cannot hold the run up or leak its tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from apps.workflows.engine.attempt import Activity, attempt
from apps.workflows.engine.clock import Clock, SystemClock
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import ErrorInfo, RunFinished, RunStatus
from apps.workflows.engine.graph import Plan, PlanNode
from apps.workflows.engine.node import NodeResult
from apps.workflows.engine.policy import ERROR_HANDLE
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.scheduler import Scheduler
from apps.workflows.engine.telling import Emit, Telling
from apps.workflows.engine.variables import Values

logger = logging.getLogger(__name__)

#: A worker lets the event loop breathe after this many nodes or seconds, whichever comes first.
_BREATH_NODES = 64
_BREATH_SECONDS = 0.001
#: How long a stop waits for nodes to clean up before the run is called finished, and before they are left alone.
_GRACE = 0.04
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunValues:
    """What a run starts with. `sys` holds query, conversation_id, user, app_id and run_id."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    sys: Mapping[str, Any] = field(default_factory=dict)
    conversation: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)


async def execute(
    plan: Plan,
    *,
    run: RunValues,
    ports: Ports,
    emit: Emit,
    clock: Clock | None = None,
    max_parallel: int = 32,
    stop: asyncio.Event | None = None,
) -> RunFinished:
    """Run the plan to its end and return the last event. Setting `stop` ends it within 50 ms, as does cancelling."""
    return await _Run(plan, run, ports, emit, clock or SystemClock(), max_parallel).go(stop)


class _Run:
    """One run in progress."""

    def __init__(self, plan: Plan, run: RunValues, ports: Ports, emit: Emit, clock: Clock, max_parallel: int) -> None:
        self._plan = plan
        self._ports = ports
        self._clock = clock
        self._inputs = {**plan.inputs, **run.inputs}
        self._query = str(run.sys.get("query") or "")
        self._values = Values(inputs=self._inputs, sys=run.sys, conversation=run.conversation, env=run.env)
        self._telling = Telling(plan, self._values, emit=emit, clock=clock)
        self._scheduler = Scheduler(plan)
        self._max_parallel = max_parallel
        self._active: dict[int, Activity] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False
        self._error: ErrorInfo | None = None
        self._handled = False

    async def go(self, stop: asyncio.Event | None) -> RunFinished:
        """Run until nothing is left to do, something fails, or somebody stops it."""
        self._telling.run_started(self._inputs, self._query)
        stopper = None if stop is None else asyncio.ensure_future(stop.wait())
        try:
            _, skipped = self._scheduler.start()
            self._telling.skipped(skipped)
            self._hire()
            await asyncio.wait({self._over, *((stopper,) if stopper else ())}, return_when=asyncio.FIRST_COMPLETED)
            if self._over.done():
                self._over.result()  # raises what `emit` or the engine itself raised
        except asyncio.CancelledError:
            await self._end("stopped")
            raise
        except BaseException:
            await self._wait_for(self._cancel())
            raise
        finally:
            if stopper is not None:
                stopper.cancel()
        if not self._over.done():
            return await self._end("stopped")
        if self._error is not None:
            return await self._end("failed")
        return self._finish("partial-succeeded" if self._handled else "succeeded")

    # Workers

    def _hire(self) -> None:
        """Have one more task take ready nodes, unless the limit is reached or nothing is ready."""
        if self._closed or not self._scheduler.waiting or len(self._workers) >= self._max_parallel:
            return
        worker = asyncio.get_running_loop().create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        error = None if worker.cancelled() else worker.exception()
        if self._closed or self._over.done():
            return
        if error is not None:
            self._over.set_exception(error)
        elif not self._scheduler.finished:
            self._hire()  # something may have become ready after this worker had looked
        elif not self._workers:
            self._over.set_result(None)

    async def _work(self) -> None:
        """Take ready nodes until there are none; what follows a node is usually run by the same task."""
        since, count = self._clock.elapsed(), 0
        while self._scheduler.waiting and not self._closed:
            node = self._plan.nodes[self._scheduler.next()]
            self._hire()
            await self._run(node)
            count += 1
            if count >= _BREATH_NODES or self._clock.elapsed() - since > _BREATH_SECONDS:
                await asyncio.sleep(0)
                since, count = self._clock.elapsed(), 0

    async def _run(self, node: PlanNode) -> None:
        activity = self._active.get(node.index)
        if activity is None:
            activity = self._telling.node_started(node, self._scheduler.came_from[node.index])
            self._active[node.index] = activity
        try:
            result = await attempt(node, activity, ports=self._ports, values=self._values)
        except NodeFailure as failure:
            if self._telling.broken is not None:
                raise self._telling.broken from None
            if not self._closed:
                self._failed(node, activity, failure)
            return
        if not self._closed:
            self._succeeded(node, activity, result)

    # Outcomes

    def _succeeded(self, node: PlanNode, activity: Activity, result: NodeResult) -> None:
        del self._active[node.index]
        self._telling.node_succeeded(node, activity, result)
        self._go_on(node, result.outputs, result.handle)

    def _failed(self, node: PlanNode, activity: Activity, failure: NodeFailure) -> None:
        """Try again later, go on as the policy says, or fail the run."""
        retry, then = node.policy.retry, node.policy.then
        activity.tried += 1
        if retry is not None and retry.wants(failure, tried=activity.tried):
            self._retry_later(node, activity, retry.delay(failure, tried=activity.tried))
            return
        del self._active[node.index]
        error = ErrorInfo(code=failure.code, message=failure.message, node_id=node.id, details=failure.details)
        handled = then != "fail"
        self._telling.node_failed(node, activity, error, handled=handled, partial=failure.partial_text)
        if handled:
            self._handled = True
            outputs = {**node.policy.outputs, "error": {"code": error.code, "message": error.message}}
            self._go_on(node, outputs, ERROR_HANDLE if then == "branch" else None, failed=True)
        elif not self._over.done():
            self._error = error
            self._over.set_result(None)

    def _go_on(self, node: PlanNode, outputs: Mapping[str, Any], handle: str | None, *, failed: bool = False) -> None:
        self._values.put(node.id, outputs)
        _, skipped = self._scheduler.done(node.index, handle)
        self._telling.went_on(node, outputs, skipped, failed=failed)

    def _retry_later(self, node: PlanNode, activity: Activity, delay: float) -> None:
        """Come back by a timer: no worker waits, and the siblings go on."""
        self._telling.node_retried(node)
        activity.forget()

        def again() -> None:
            self._timers.discard(timer)
            self._scheduler.again(node.index)
            self._hire()

        timer = asyncio.get_running_loop().call_later(delay, again)
        self._timers.add(timer)

    # The end

    async def _end(self, status: RunStatus) -> RunFinished:
        """Break off: cancel what runs, tell of it, wait a moment for clean-up, and finish."""
        workers = self._cancel()
        why = "Another node failed." if status == "failed" else "The run was stopped."
        for index, activity in self._active.items():
            node = self._plan.nodes[index]
            self._telling.node_failed(node, activity, ErrorInfo(code="stopped", message=why, node_id=node.id))
        try:
            if workers:
                await asyncio.wait(workers, timeout=_GRACE)
        finally:
            finished = self._finish(status)
        await self._wait_for(workers)
        return finished

    def _cancel(self) -> set[asyncio.Task[None]]:
        """Take nothing more from the nodes and cancel them; returns the tasks that are ending."""
        self._closed = True
        self._telling.close()
        for timer in self._timers:
            timer.cancel()
        workers = set(self._workers)
        for worker in workers:
            worker.cancel()
        return workers

    async def _wait_for(self, workers: set[asyncio.Task[None]]) -> None:
        left = {worker for worker in workers if not worker.done()}
        if left:
            _, left = await asyncio.wait(left, timeout=_PATIENCE)
        if left:
            logger.warning("%s nodes did not stop within %s s", len(left), _PATIENCE)
        for worker in workers - left:
            with suppress(asyncio.CancelledError):
                worker.exception()

    def _finish(self, status: RunStatus) -> RunFinished:
        self._closed = True
        return self._telling.run_finished(status, self._error)
