"""Play a recorded run again with the engine as it is now, and tell what is different.

Nodes whose outcome follows from what they are given run again, with the values that were recorded; the others (models,
requests, tools, code) answer from the record. A node that gives something else is told of, and the run goes on with
what was recorded, so one difference does not look like many. Nodes end in the recorded order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from apps.workflows.engine.attempt import Activity
from apps.workflows.engine.differing import Difference, compare
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Event, NodeFailed, NodeSucceeded, RunFinished, RunPaused
from apps.workflows.engine.graph import Plan, PlanNode
from apps.workflows.engine.node import Executor, NodeContext, NodeResult
from apps.workflows.engine.past import Past, Place
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.runner import Continuation, Limits, RunValues, execute
from apps.workflows.engine.story import Part, Score, Story
from apps.workflows.engine.verdict import Performance, is_inside, name_of, verdict

#: How long nothing may happen before nodes do not wait for their turn any more.
_PATIENCE_S: Final = 3.0
_LOOK_S: Final = 0.05
_LIMITS: Final = Limits(max_parallel=10_000)
#: What a record shows in place of a secret.
_HIDDEN: Final = "•••"

Pure = Callable[[Place, PlanNode], bool]


async def rehearse(plan: Plan, story: Story, *, pure: Pure, ports: Ports | None = None) -> list[Difference]:
    """Play the story; `pure` says which nodes run again. Only those may use the ports."""
    stage = _Stage(plan, story, pure)
    await stage.play(ports or refusing_ports())
    return stage.differences


def refusing_ports() -> Ports:
    """Ports that lead nowhere."""
    nowhere: Any = _Nowhere()
    names = ("models", "retrieval", "memory", "examples", "code", "http", "tools", "files")
    return Ports(**dict.fromkeys(names, nowhere))


class _Nowhere:
    def __getattr__(self, name: str) -> Any:
        raise NodeFailure("not_recorded", f"Nothing outside of the run is there when it is played again ({name}).")


@dataclass(slots=True)
class _Part:
    """A node on the stage."""

    inner: Executor
    node: PlanNode
    stage: _Stage

    async def run(self, context: NodeContext) -> NodeResult:
        place = cast(Activity, context.world).frame, self.node.id
        part = self.stage.score.parts.get(place)
        if part is None:
            self.stage.tell(place, "runs now, but did not when it was recorded")
            return NodeResult(outputs={})
        if part.was_broken_off:
            await asyncio.Event().wait()  # until it is broken off again
        if self.stage.runs_again(place, self.node, part):
            await self._again(context, place, part)
        else:
            self.stage.played.add(place)
            await self.stage.turn(place, part)
        return self._recorded(context, cast(Activity, context.world).tried, part)

    async def _again(self, context: NodeContext, place: Place, part: Part) -> None:
        """Run it, and compare."""
        try:
            result: NodeResult | NodeFailure = await self.inner.run(context)
        except NodeFailure as failure:
            result = failure
        await self.stage.turn(place, part)
        if cast(Activity, context.world).tried >= len(part.tries):
            self.stage.compare_end(place, part, result, context.inputs)

    def _recorded(self, context: NodeContext, tried: int, part: Part) -> NodeResult:
        if tried < len(part.tries):
            error = part.tries[tried]
            raise NodeFailure(error.code, error.message, retryable=True)
        end = part.end
        assert end is not None
        context.inputs, context.process, context.usage = end.inputs, end.process, end.usage
        if isinstance(end, NodeFailed):
            details = {name: value for name, value in end.error.details.items() if name != "attempts"}
            text = str(end.outputs.get("text", ""))
            raise NodeFailure(end.error.code, end.error.message, partial_text=text, details=details)
        return NodeResult(outputs=end.outputs, handle=end.handle, writes=end.writes, partial=end.partial)


class _Stage:
    """One rehearsal in progress."""

    def __init__(self, plan: Plan, story: Story, pure: Pure) -> None:
        self.story = story
        self.score = Score.of(story.events)
        self.differences: list[Difference] = []
        #: What answered from the record; what had happened inside it does not happen again.
        self.played: set[Place] = set()
        self._plan = self._set(plan)
        self._pure = pure
        self._order = list(dict.fromkeys(self.score.order))
        self._at = 0
        self._done: set[Place] = set()
        self._moved = asyncio.Condition()
        self._is_free = False
        self._events: list[Event] = []

    def tell(self, place: Place, what: str) -> None:
        """Something is different."""
        self.differences.append(Difference(place=name_of(place), what=what))

    def runs_again(self, place: Place, node: PlanNode, part: Part) -> bool:
        """Whether the node is run; what a fork had taken over may have been changed by hand."""
        return self._pure(place, node) and not (part.end is not None and part.end.reused)

    def compare_end(self, place: Place, part: Part, now: NodeResult | NodeFailure, inputs: Mapping[str, Any]) -> None:
        """How a node ended that has run again, beside the record."""
        end, name = part.end, name_of(place)
        assert end is not None
        if end.inputs and _HIDDEN not in str(end.inputs):
            self.differences += compare(name, "inputs", end.inputs, inputs)
        if isinstance(now, NodeFailure):
            code = end.error.code if isinstance(end, NodeFailed) else None
            self.differences += compare(name, "error", code, now.code)
        elif isinstance(end, NodeFailed):
            self.differences += compare(name, "error", end.error.code, None)
        else:
            for what in ("outputs", "handle", "writes", "partial"):
                self.differences += compare(name, what, getattr(end, what), getattr(now, what))

    async def turn(self, place: Place, part: Part) -> None:
        """Wait until it is this node that ends next."""
        if part.tries or place not in self._order[self._at :]:
            return
        async with self._moved:
            await self._moved.wait_for(lambda: self._is_free or self._next() == place)

    def _next(self) -> Place | None:
        return self._order[self._at] if self._at < len(self._order) else None

    async def play(self, ports: Ports) -> None:
        """From the first event to the last, with the replies that people gave."""
        watch = asyncio.ensure_future(self._watch())
        try:
            last = await self._go(ports)
        finally:
            watch.cancel()
        told = Performance(events=self._events, last=last, played=frozenset(self.played))
        self.differences += verdict(self._plan, self.story, self.score, told)

    async def _go(self, ports: Ports) -> RunFinished | RunPaused:
        started = self.story.started
        system = {**started.sys, "query": started.query, "files": started.inputs.get("sys.files", [])}
        values = RunValues(inputs=started.inputs, sys=system, conversation=self.story.conversation)
        replies = dict(self.score.replies)
        goes_on: Continuation | None = None
        while True:
            last = await execute(
                self._plan,
                run=values,
                ports=ports,
                emit=self._emit,
                limits=_LIMITS,
                entry=self.story.entry,
                goes_on=goes_on,
            )
            if not isinstance(last, RunPaused):
                return last
            waiting = [(item["frame"], item["node_id"]) for item in last.waiting]
            given = [replies.pop(place) for place in waiting if place in replies]
            if not given:
                return last
            self._events += given
            goes_on = Continuation(past=Past.of(self._events), reason="answer")

    def _emit(self, event: Event) -> None:
        self._events.append(event)
        if isinstance(event, (NodeSucceeded, NodeFailed)):
            self._done.add((event.frame, event.node_id))
            while (place := self._next()) is not None and (place in self._done or is_inside(place, self.played)):
                self._at += 1
            asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def _watch(self) -> None:
        """Let everybody go on where the recorded order cannot be had."""
        seen, since = -1, 0.0
        while not self._is_free:
            await asyncio.sleep(_LOOK_S)
            since = 0.0 if len(self._events) != seen else since + _LOOK_S
            seen = len(self._events)
            if since >= _PATIENCE_S:
                place = self._next()
                if place is not None:
                    self.tell(place, "does not end where it did: others had to wait for it")
                self._is_free = True
                await self._wake()

    def _set(self, plan: Plan) -> Plan:
        """The plan with every node on the stage; nobody waits before another try."""
        return replace(plan, nodes=tuple(map(self._cast, plan.nodes)))

    def _cast(self, node: PlanNode) -> PlanNode:
        retry = node.policy.retry
        policy = replace(node.policy, retry=replace(retry, first=0.0, longest=0.0)) if retry else node.policy
        body = None if node.body is None else self._set(node.body)
        return replace(node, executor=_Part(node.executor, node, self), policy=policy, timeout=None, body=body)
