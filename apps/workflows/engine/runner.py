"""Run a plan: start what the scheduler says is ready, emit what happens, retry, time out, pause and stop.

A few workers share one agenda of ready nodes of all frames, so a chain stays in one task and a wide graph spreads over
as many tasks as the limit allows. A container waits for its rounds without keeping a worker's place. Events are
emitted, never yielded: who reads them cannot hold the run up or leak its tasks.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from apps.workflows.engine.agenda import Agenda
from apps.workflows.engine.attempt import Activity, PutAside, attempt
from apps.workflows.engine.clock import Clock, SystemClock
from apps.workflows.engine.errors import InvalidGraph, NodeFailure
from apps.workflows.engine.events import ErrorInfo, RunFinished, RunPaused, RunStatus
from apps.workflows.engine.frame import Frame, inner_path, lies_in
from apps.workflows.engine.graph import Plan, PlanNode
from apps.workflows.engine.node import NodeResult, Round
from apps.workflows.engine.past import Outcome, Past
from apps.workflows.engine.policy import ERROR_HANDLE
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.telling import Emit, Telling
from apps.workflows.engine.variables import Reference, Values

logger = logging.getLogger(__name__)

#: A worker lets the event loop breathe after this many nodes or seconds, whichever comes first.
_BREATH_NODES = 64
_BREATH_SECONDS = 0.001
#: How long a stop waits for nodes to clean up before the run is called finished, and before they are left alone.
_GRACE = 0.04
_PATIENCE = 5.0

Durable = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunValues:
    """What a run starts with. `sys` holds query, conversation_id, user, app_id and run_id."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    sys: Mapping[str, Any] = field(default_factory=dict)
    conversation: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may take: nodes at work at once, seconds in all, and nodes started in all."""

    max_parallel: int = 32
    seconds: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A run that goes on: what has happened, and why it goes on now (takeover, answer or timeout)."""

    past: Past
    reason: str


async def execute(
    plan: Plan,
    *,
    run: RunValues,
    ports: Ports,
    emit: Emit,
    clock: Clock | None = None,
    limits: Limits | None = None,
    entry: str | None = None,
    stop: asyncio.Event | None = None,
    durable: Durable | None = None,
    goes_on: Continuation | None = None,
) -> RunFinished | RunPaused:
    """Run the plan until it ends or only waits for people; returns the last event.

    `entry` is the node where a run of several begins; `durable` returns once the log holds all that was emitted, and is
    awaited before acts on the world. Setting `stop` ends the run within 50 ms, as does cancelling.
    """
    going = _Run(plan, run, ports, emit, clock or SystemClock(), limits or Limits(), durable, goes_on)
    return await going.go(entry, stop)


class _Run:
    """One run in progress."""

    def __init__(
        self,
        plan: Plan,
        run: RunValues,
        ports: Ports,
        emit: Emit,
        clock: Clock,
        limits: Limits,
        durable: Durable | None,
        goes_on: Continuation | None,
    ) -> None:
        self._plan = plan
        self._ports = ports
        self._clock = clock
        self._limits = limits
        self._durable = durable
        self._goes_on = goes_on
        self._past = goes_on.past if goes_on else None
        self._inputs = {**plan.inputs, **run.inputs}
        self._sys = run.sys
        conversation = {**run.conversation, **(self._past.conversation if self._past else {})}
        values = Values(inputs=self._inputs, sys=run.sys, conversation=conversation, env=run.env)
        self._telling = Telling(plan, values, emit=emit, clock=clock, past=self._past)
        self._root = Frame(plan, values=values)
        self._frames = {"": self._root}
        self._agenda = Agenda()
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: dict[asyncio.TimerHandle, Frame] = {}
        #: Containers whose rounds are open, and those of them that are about to go on.
        self._containing = 0
        self._waking = 0
        self._waiting: dict[tuple[str, str], Mapping[str, Any]] = {}
        #: Done when there is nothing to do any more, whatever the reason.
        self._rest: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False
        self._error: ErrorInfo | None = None
        self._handled = False

    async def go(self, entry: str | None, stop: asyncio.Event | None) -> RunFinished | RunPaused:
        """Run until nothing is left to do, something fails, or somebody stops it."""
        stopper = None if stop is None else asyncio.ensure_future(stop.wait())
        try:
            self._begin(entry)
            waited = {self._rest, *((stopper,) if stopper else ())}
            await asyncio.wait(waited, timeout=self._time_left(), return_when=asyncio.FIRST_COMPLETED)
            if self._rest.done():
                self._rest.result()  # raises what `emit` or the engine itself raised
        except asyncio.CancelledError:
            await self._end("stopped")
            raise
        except BaseException:
            await self._wait_for(self._cancel())
            raise
        finally:
            if stopper is not None:
                stopper.cancel()
        if stopper is not None and stop is not None and stop.is_set() and not self._rest.done():
            return await self._end("stopped")
        if not self._rest.done():
            self._error = ErrorInfo(code="run_timeout", message=f"The run took longer than {self._limits.seconds:g} s.")
            return await self._end("failed")
        if self._error is not None:
            return await self._end("failed")
        if self._waiting and not self._root.over.done():
            return await self._pause()
        return self._finish("partial-succeeded" if self._handled else "succeeded")

    def _begin(self, entry: str | None) -> None:
        if self._goes_on is None:
            self._telling.run_started(self._inputs, str(self._sys.get("query") or ""))
        else:
            self._telling.run_resumed(self._goes_on.reason)
        if entry is not None and entry not in self._plan.index_of:
            raise InvalidGraph(f"{entry} is no node.")
        self._start(self._root, None if entry is None else self._plan.index_of[entry])
        if self._goes_on is not None:
            self._telling.recalled(self._goes_on.reason)
        self._hire()
        self._look_for_rest()

    def _time_left(self) -> float | None:
        if self._limits.seconds is None:
            return None
        began = self._past.began_at if self._past else None
        return self._limits.seconds if began is None else max(0.0, began + self._limits.seconds - self._clock.now())

    # Frames

    def _start(self, frame: Frame, entry: int | None = None) -> None:
        ready, skipped = frame.scheduler.start(entry)
        self._telling.skipped(frame, skipped)
        self._add(frame, ready)

    def _add(self, frame: Frame, ready: list[int]) -> None:
        """Put ready nodes on the agenda; those that have already run are recalled, and what follows them."""
        if self._past is None:
            for node in ready:
                self._agenda.add(frame, node)
            if frame.scheduler.finished:
                self._frame_over(frame)
            return
        known: list[tuple[int, int]] = []  # by the order of the log, which the answer depends on
        while True:
            for node in ready:
                outcome = self._past.outcomes.get((frame.path, frame.plan.nodes[node].id))
                if outcome is None:
                    self._agenda.add(frame, node)
                else:
                    heappush(known, (outcome.order, node))
            if not known:
                break
            recalled = frame.plan.nodes[heappop(known)[1]]
            ready = self._recall(frame, recalled, self._past.outcomes[frame.path, recalled.id])
        if frame.scheduler.finished:
            self._frame_over(frame)

    def _recall(self, frame: Frame, node: PlanNode, outcome: Outcome) -> list[int]:
        """Let a node that had run take its place again; the nodes that became ready."""
        self._telling.node_recalled(frame, node, outcome.outputs)
        outputs, handle = outcome.outputs, outcome.handle
        if outcome.error is not None:
            self._handled = True
            outputs, handle = _instead(node, outcome.error)
        self._handled = self._handled or outcome.partial
        for path, value in outcome.writes.items():
            if not path.startswith("conversation."):  # those are all in place from the start
                frame.values.assign(Reference.parse(path), value)
        frame.values.put(node.id, outputs)
        ready, skipped = frame.scheduler.done(node.index, handle)
        self._telling.went_on(frame, node, outputs, skipped, failed=outcome.error is not None)
        return ready

    def _frame_over(self, frame: Frame) -> None:
        if frame.over.done():
            return
        frame.end()
        if frame is self._root:
            self._look_for_rest()
        else:
            self._waking += 1

    async def round(self, activity: Activity, round_: Round) -> Any:
        """Run the body of a container once more; see `World.round`."""
        node = activity.node
        assert node.body is not None
        outer = self._frames[activity.frame]
        path = inner_path(activity.frame, node.id, round_.index)
        weight = outer.weight + node.priority
        frame = Frame(node.body, values=outer.values.inside(round_.values), path=path, weight=weight)
        began = self._clock.elapsed()
        self._frames[path] = frame
        activity.rounds += 1
        self._containing += activity.rounds == 1
        woken = False
        try:
            self._telling.frame_started(node, frame, round_.index, _copied(round_.values))
            self._start(frame)
            self._hire()
            self._look_for_rest()
            await frame.over
            woken = True
        finally:
            activity.rounds -= 1
            self._containing -= activity.rounds == 0
            self._waking -= woken
            if not woken:
                self._waking -= frame.over.done()
                self._break_off(frame, "The container was broken off.")
            self._frames.pop(path, None)
            if woken and not self._closed:
                asyncio.get_running_loop().call_soon(self._look_for_rest)
        output = None if round_.collect is None or frame.error else round_.collect(frame.values)
        self._telling.frame_finished(node, frame, round_.index, output, self._clock.elapsed() - began)
        if frame.error is not None:
            error = frame.error
            raise NodeFailure(error.code, error.message, details={**error.details, "node_id": error.node_id})
        return output

    def _fail(self, frame: Frame, error: ErrorInfo) -> None:
        """A node failed and nothing handles it: its frame is over, and with the outermost one the run."""
        if frame.error is None:
            frame.error = error
        if frame is self._root:
            self._error = frame.error
            self._rest_now()
        else:
            self._break_off(frame, "Another node of the same round failed.")
            self._frame_over(frame)

    def _break_off(self, frame: Frame, why: str) -> None:
        """End everything at work in a frame and in the rounds inside it."""
        if self._closed:
            return
        me = asyncio.current_task()
        for inner in [other for other in self._frames.values() if lies_in(other.path, frame.path)]:
            inner.closed = True
            for activity in inner.active.values():
                self._tell_broken_off(activity, why)
                if activity.task is not None and activity.task is not me:
                    activity.task.cancel()
            inner.active.clear()
            for timer in [timer for timer, owner in self._timers.items() if owner is inner]:
                timer.cancel()
                del self._timers[timer]
            self._waiting = {place: asks for place, asks in self._waiting.items() if place[0] != inner.path}

    def _tell_broken_off(self, activity: Activity, why: str) -> None:
        error = ErrorInfo(code="stopped", message=why, node_id=activity.node.id)
        self._telling.node_failed(activity.node, activity, error)

    # Workers

    def _hire(self) -> None:
        """Have one more task take ready nodes, unless the limit is reached or nothing is ready."""
        busy = len(self._workers) - self._containing
        if self._closed or not self._agenda or busy >= self._limits.max_parallel:
            return
        worker = asyncio.get_running_loop().create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        error = None if worker.cancelled() else worker.exception()
        if self._closed or self._rest.done():
            return
        if error is not None:
            self._rest.set_exception(error)
            return
        self._hire()  # something may have become ready after this worker had looked
        self._look_for_rest()

    def _look_for_rest(self) -> None:
        """Is anything left to do? A container that waits for its rounds does nothing itself."""
        idle = len(self._workers) == self._containing and not self._waking
        if idle and not self._agenda and not self._timers:
            self._rest_now()

    def _rest_now(self) -> None:
        if not self._rest.done():
            self._rest.set_result(None)

    async def _work(self) -> None:
        """Take ready nodes until there are none; what follows a node is usually run by the same task."""
        since, count = self._clock.elapsed(), 0
        while self._agenda and not self._closed:
            frame, index = self._agenda.take()
            if frame.closed:
                continue
            self._hire()
            await self._run(frame, frame.plan.nodes[index])
            count += 1
            if count >= _BREATH_NODES or self._clock.elapsed() - since > _BREATH_SECONDS:
                await asyncio.sleep(0)
                since, count = self._clock.elapsed(), 0

    async def _run(self, frame: Frame, node: PlanNode) -> None:
        activity = frame.active.get(node.index)
        if activity is None:
            if self._limits.steps is not None and self._telling.steps >= self._limits.steps:
                self._too_many_steps(node)
                return
            activity = Activity(node, frame.path, clock=self._clock, host=self)
            if self._past is not None:
                activity.tried = self._past.tried.get((frame.path, node.id), 0)
            self._telling.node_started(frame, node, activity)
            frame.active[node.index] = activity
        activity.task = asyncio.current_task()
        try:
            result = await attempt(activity, ports=self._ports, values=frame.values)
        except PutAside:
            activity.task = None  # it stays active, and open to the scheduler
            return
        except NodeFailure as failure:
            if self._telling.broken is not None:
                raise self._telling.broken from None
            if not self._closed and not frame.closed:
                self._failed(frame, activity, failure)
            return
        if not self._closed and not frame.closed:
            self._succeeded(frame, activity, result)

    def _too_many_steps(self, node: PlanNode) -> None:
        message = f"The run would take more than {self._limits.steps} steps."
        self._error = ErrorInfo(code="too_many_steps", message=message, node_id=node.id)
        self._rest_now()

    # Outcomes

    def _succeeded(self, frame: Frame, activity: Activity, result: NodeResult) -> None:
        node = activity.node
        try:
            for path, value in result.writes.items():
                frame.values.assign(Reference.parse(path), value)
        except KeyError as missing:
            message = f"There is no variable {missing} here."
            self._failed(frame, activity, NodeFailure("missing_value", message, details={"path": str(missing)}))
            return
        del frame.active[node.index]
        self._handled = self._handled or result.partial
        self._telling.node_succeeded(frame, node, activity, result)
        self._proceed(frame, node, result.outputs, result.handle)

    def _failed(self, frame: Frame, activity: Activity, failure: NodeFailure) -> None:
        """Try again later, go on as the policy says, or fail the frame."""
        node = activity.node
        retry, then = node.policy.retry, node.policy.then
        activity.tried += 1
        details = {**failure.details, "attempts": activity.tried} if activity.tried > 1 else failure.details
        error = ErrorInfo(code=failure.code, message=failure.message, node_id=node.id, details=details)
        if retry is not None and retry.wants(failure, tried=activity.tried):
            self._retry_later(frame, activity, error, retry.delay(failure, tried=activity.tried))
            return
        del frame.active[node.index]
        handled = then != "fail"
        self._telling.node_failed(node, activity, error, handled=handled, partial=failure.partial_text)
        if handled:
            self._handled = True
            outputs, handle = _instead(node, error)
            self._proceed(frame, node, outputs, handle, failed=True)
        else:
            self._fail(frame, error)

    def _proceed(
        self,
        frame: Frame,
        node: PlanNode,
        outputs: Mapping[str, Any],
        handle: str | None,
        *,
        failed: bool = False,
    ) -> None:
        frame.values.put(node.id, outputs)
        ready, skipped = frame.scheduler.done(node.index, handle)
        self._telling.went_on(frame, node, outputs, skipped, failed=failed)
        self._add(frame, ready)

    def _retry_later(self, frame: Frame, activity: Activity, error: ErrorInfo, delay: float) -> None:
        """Come back by a timer: no worker waits, and the siblings go on."""
        self._telling.node_retried(activity.node, activity, error, delay)
        activity.forget()
        activity.task = None

        def again() -> None:
            del self._timers[timer]
            self._agenda.add(frame, activity.node.index)
            self._hire()
            self._look_for_rest()

        timer = asyncio.get_running_loop().call_later(delay, again)
        self._timers[timer] = frame

    # What nodes ask of the run

    def text(self, activity: Activity, piece: str) -> None:
        """A running node streams."""
        self._telling.text(activity, piece)

    def note(self, activity: Activity, kind: str, body: Mapping[str, Any]) -> None:
        """A running node shows something."""
        self._telling.noted(activity, kind, body)

    async def intend(self, activity: Activity) -> str:
        """See `World.intend`. Raises NodeFailure where it may have happened and must not twice."""
        place = activity.frame, activity.node.id
        key = hashlib.sha256("|".join((str(self._sys.get("run_id") or ""), *place)).encode()).hexdigest()[:32]
        before = self._past is not None and place in self._past.intended
        if before and activity.node.policy.unknown == "fail":
            message = "An earlier process may or may not have done this. The node says that it must not be done twice."
            raise NodeFailure("outcome_unknown", message, details={"key": key})
        if not before and activity.tried == 0:
            self._telling.node_intended(activity, key)
        if self._durable is not None:
            await self._durable()
        return key

    def reply(self, activity: Activity, asks: Mapping[str, Any], until: float | None) -> Mapping[str, Any]:
        """See `World.reply`."""
        place = activity.frame, activity.node.id
        if self._past is not None and place in self._past.replies:
            return self._past.replies[place]
        if self._past is None or place not in self._past.asked:
            self._telling.node_waits(activity, asks, until)
        self._waiting[place] = {"node_id": activity.node.id, "frame": activity.frame, "until": until}
        raise PutAside

    # The end

    async def _pause(self) -> RunPaused:
        """Everything left waits for somebody. The log is all that is kept."""
        workers = self._cancel()
        await self._wait_for(workers)
        return self._telling.run_paused(list(self._waiting.values()))

    async def _end(self, status: RunStatus) -> RunFinished:
        """Break off: cancel what runs, tell of it, wait a moment for clean-up, and finish."""
        workers = self._cancel()
        why = "Another node failed." if status == "failed" else "The run was stopped."
        for frame in reversed(self._frames.values()):
            for activity in frame.active.values():
                self._tell_broken_off(activity, why)
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


def _instead(node: PlanNode, error: ErrorInfo) -> tuple[dict[str, Any], str | None]:
    """What stands in for the outputs of a node whose failure is handled, and the way on."""
    outputs = {**node.policy.outputs, "error": {"code": error.code, "message": error.message}}
    return outputs, ERROR_HANDLE if node.policy.then == "branch" else None


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """A round's values as they are now; a loop goes on changing its own."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
