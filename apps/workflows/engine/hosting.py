"""What running nodes ask of their run: to say something, to act, to wait for people, to have other graphs run."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from apps.workflows.engine.attempt import Activity, PutAside
from apps.workflows.engine.callee import Callees
from apps.workflows.engine.clock import Clock
from apps.workflows.engine.crew import Crew
from apps.workflows.engine.errors import OUTCOME_UNKNOWN, NodeFailure
from apps.workflows.engine.events import FramePath
from apps.workflows.engine.frame import Frame
from apps.workflows.engine.frame_path import inner_path
from apps.workflows.engine.graph import PlanNode, certain_steps
from apps.workflows.engine.node import OtherWorkflow, Round
from apps.workflows.engine.progress import Progress
from apps.workflows.engine.variables import Values

Durable = Callable[[], Awaitable[None]]


class RunHost:
    """The run, as its nodes know it; see `World` for what each of these is to them."""

    def __init__(
        self,
        progress: Progress,
        *,
        crew: Crew,
        clock: Clock,
        run_id: str,
        durable: Durable | None,
        callees: Callees,
        steps: int | None,
    ) -> None:
        self._progress = progress
        self._telling = progress.telling
        self._past = progress.past
        self._crew = crew
        self._clock = clock
        self._run_id = run_id
        self._durable = durable
        self._callees = callees
        self._steps = steps
        #: Who announced acts in this process.
        self._intended: dict[tuple[FramePath, str], Activity] = {}

    def text(self, activity: Activity, piece: str) -> None:
        """A running node streams."""
        self._telling.text(activity, piece)

    def note(self, activity: Activity, kind: str, body: Mapping[str, Any]) -> None:
        """A running node shows something."""
        self._telling.noted(activity, kind, body)

    def recall(self, activity: Activity, kind: str) -> Sequence[Mapping[str, Any]]:
        """What earlier processes noted of a node that had not ended; see `World.recall`."""
        noted = self._past.noted.get((activity.frame, activity.node.id), ()) if self._past is not None else ()
        return [body for told, body in noted if told == kind]

    async def intend(self, activity: Activity, *, settled: bool = False) -> str:
        """See `World.intend`. Raises NodeFailure where it may have happened and must not twice."""
        place = activity.frame, activity.node.id
        key = hashlib.sha256("|".join((self._run_id, *place)).encode()).hexdigest()[:32]
        earlier = self._intended.get(place, activity)
        before = earlier.broken_off or (self._past is not None and place in self._past.intended)
        if before and not settled and activity.node.policy.unknown == "fail":
            message = "An earlier try may or may not have done this. The node says that it must not be done twice."
            raise NodeFailure(OUTCOME_UNKNOWN, message, details={"key": key})
        self._intended[place] = activity
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
        self._progress.waiting[place] = {"node_id": activity.node.id, "frame": activity.frame, "until": until}
        raise PutAside

    def waits(self, _activity: Activity) -> None:
        """A running node waits for a place somewhere."""
        self._crew.stands_aside()

    def goes_on(self, _activity: Activity) -> None:
        """And has it."""
        self._crew.comes_back()

    # Graphs inside

    def room_for(self, activity: Activity, rounds: int) -> None:
        """See `World.room_for`. What an earlier process has begun was looked at then, and is counted already."""
        node = activity.node
        begun = self._past is not None and inner_path(activity.frame, node.id, 0) in self._past.frames_begun
        if self._steps is None or begun or node.body is None:
            return
        each, left = certain_steps(node.body), max(0, self._steps - self._telling.steps)
        if rounds * each > left:
            message = (
                f"{rounds:,} rounds of at least {each:,} steps are more than the {left:,} steps that the run has left; "
                f"it may take {self._steps:,} in all (setting RUN_STEPS)."
            )
            details = {"rounds": rounds, "steps_each": each, "left": left, "limit": self._steps, "setting": "RUN_STEPS"}
            raise NodeFailure("too_many_steps", message, details=details)

    async def round(self, activity: Activity, round_: Round) -> Any:
        """Run the body of a container once more; see `World.round`."""
        node = activity.node
        assert node.body is not None
        outer = self._progress.frames[activity.frame]
        path = inner_path(activity.frame, node.id, round_.index)
        self._fail_as_before(node, path)
        if self._past is not None and path in self._past.loops:
            round_.values["loop"].update(self._past.loops[path])
        inner = outer.values.inside(round_.values)
        frame = Frame(node.body, values=inner, path=path, weight=outer.weight + node.priority)
        collect = round_.collect
        return await self._pass(
            activity, frame, round_.index, _copied(round_.values), lambda: collect(inner) if collect else None
        )

    def _fail_as_before(self, node: PlanNode, path: FramePath) -> None:
        """A round that failed is over as well: its followers were told. A container that is tried again forgets it."""
        failed = None if self._past is None else self._past.frames_failed.get(path)
        if failed is None:
            return
        error, retryable = failed
        assert node.body is not None
        self._telling.frame_recalled(path, node.body)
        details = {**error.details, "node_id": error.node_id}
        raise NodeFailure(error.code, error.message, retryable=retryable, details=details)

    def callee(self, name: str) -> OtherWorkflow | None:
        """See `World.callee`."""
        return self._callees.get(name)

    async def call(self, activity: Activity, callee: OtherWorkflow, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run another workflow as a frame of this run; see `World.call`."""
        chosen = self._callees[callee.info.name]
        node, plan = activity.node, chosen.plan
        outer = self._progress.frames[activity.frame]
        told = {"workflow": callee.info.name, "version": chosen.version, "inputs": dict(inputs)}
        index = self._number_of_call(activity, told)
        values = Values(inputs={**plan.inputs, **inputs}, sys=chosen.sys, conversation={}, env=chosen.env)
        path = inner_path(activity.frame, node.id, index)
        frame = Frame(plan, values=values, path=path, weight=outer.weight + node.priority)
        outputs: Mapping[str, Any] = await self._pass(activity, frame, index, told, frame.outputs, entry=plan.start)
        return outputs

    def _number_of_call(self, activity: Activity, told: Mapping[str, Any]) -> int:
        """The number of the node's next call: that of the same call in the past, if there was one that did not fail."""
        past, number = self._past, 0
        while True:
            path = inner_path(activity.frame, activity.node.id, number)
            recorded = None if past is None else past.frames_begun.get(path)
            is_again = past is not None and recorded == told and path not in past.frames_failed
            if number not in activity.calls and (recorded is None or is_again):
                activity.calls.add(number)
                return number
            number += 1

    async def _pass(
        self,
        activity: Activity,
        frame: Frame,
        index: int,
        told: Mapping[str, Any],
        collect: Callable[[], Any],
        *,
        entry: int | None = None,
    ) -> Any:
        """Run a frame inside the activity's to its end; what it gives. Raises NodeFailure if a node in it fails."""
        node, crew, progress = activity.node, self._crew, self._progress
        began = self._clock.elapsed()
        progress.frames[frame.path] = frame
        activity.rounds += 1
        if activity.rounds == 1:
            crew.contains()
        woken = False
        try:
            self._telling.frame_started(node, frame, index, told)
            progress.start(frame, entry)
            crew.hire()
            crew.look_for_rest()
            await frame.over
            woken = True
        finally:
            activity.rounds -= 1
            if activity.rounds == 0:
                crew.contains_no_more()
            if frame.over.done() and not frame.over.cancelled():  # who is cancelled while waiting cancels it, too
                crew.woken()
            if not woken:
                progress.break_off(frame, "The container was broken off.")
            progress.frames.pop(frame.path, None)
            if woken:
                crew.look_for_rest_soon()
        output = None if frame.error else collect()
        self._telling.frame_finished(node, frame, index, output, self._clock.elapsed() - began)
        if frame.error is not None:
            error = frame.error
            details = {**error.details, "node_id": error.node_id}
            raise NodeFailure(error.code, error.message, retryable=frame.retryable, details=details)
        return output


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """A round's values as they are now; a loop goes on changing its own."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
