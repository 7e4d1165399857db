"""What a new run takes over from the log of another: the outcomes that hold for it as well, marked as reused.

Two ways to choose: all that had happened up to an event, or all that does not depend on one node. The result is a log
that a run goes on over like any other (see `past`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from apps.workflows.engine.events import (
    Event,
    FrameFinished,
    FramePath,
    FrameStarted,
    NodeFailed,
    NodeId,
    NodeNoted,
    NodeStarted,
    NodeSucceeded,
    RunStarted,
)
from apps.workflows.engine.frame_path import lies_in
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.journal import Numbered
from apps.workflows.engine.past import Place

#: What belongs to one run alone, of the values that stay as they were when a run began.
_OWN: Final = frozenset({"run_id", "conversation_id", "workflow_id"})
_ROUND: Final = re.compile(r"[^:/]{1,64}:[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a frame's path: the round `index` of the container `node_id`, which is in the frame `outer`."""

    outer: FramePath
    node_id: NodeId
    index: int


def steps_of(frame: FramePath) -> list[Step]:
    """The rounds that a frame is in, outermost first; the last one is the frame itself."""
    steps: list[Step] = []
    outer = ""
    for part in frame.split("/") if frame else ():
        node_id, _, index = part.rpartition(":")
        steps.append(Step(outer=outer, node_id=node_id, index=int(index)))
        outer = f"{outer}/{part}" if outer else part
    return steps


def is_frame(text: str) -> bool:
    """Whether a text is a frame's path."""
    return not text or all(_ROUND.fullmatch(part) for part in text.split("/"))


def plan_in(plan: Plan, frame: FramePath) -> Plan | None:
    """The graph that runs in a frame; None inside a workflow that was called, which has a plan of its own."""
    inner: Plan | None = plan
    for step in steps_of(frame):
        index = None if inner is None else inner.index_of.get(step.node_id)
        inner = None if inner is None or index is None else inner.nodes[index].body
    return inner


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which outcomes and rounds hold: those up to the event `last`, but nothing that is run `anew` or in it.

    The rounds of a container in `reopened` are kept while itself goes on; those of one in `after` only up to a number.
    """

    last: int
    anew: frozenset[Place] = frozenset()
    reopened: frozenset[Place] = frozenset()
    after: Mapping[Place, int] = field(default_factory=dict)
    #: The round that the first node to be run is in.
    frame: FramePath | None = None

    def holds(self, seq: int, frame: FramePath, node_id: NodeId) -> bool:
        """Whether the outcome of a node, told as event `seq`, holds."""
        place = frame, node_id
        return seq <= self.last and self._in_kept_rounds(frame) and place not in self.anew | self.reopened

    def holds_round(self, seq: int, frame: FramePath) -> bool:
        """Whether a whole round does, whose end was told as event `seq`."""
        is_open = self.frame is not None and lies_in(self.frame, frame)
        return seq <= self.last and not is_open and self._in_kept_rounds(frame)

    def _in_kept_rounds(self, frame: FramePath) -> bool:
        for step in steps_of(frame):
            container = step.outer, step.node_id
            if container in self.anew or step.index > self.after.get(container, step.index):
                return False
        return True


def up_to(seq: int) -> Choice:
    """All that had happened up to an event."""
    return Choice(last=seq)


def all_but(plan: Plan, *, last: int, frame: FramePath, node_id: NodeId) -> Choice:
    """All that does not depend on a node: not the node, not what follows it, nor later rounds of loops around it.

    Rounds of iterations do not depend on each other. Raises KeyError where the plan has no such node.
    """
    anew = _with_followers(_graph(plan, frame), frame, node_id)
    reopened: set[Place] = set()
    after: dict[Place, int] = {}
    for step in reversed(steps_of(frame)):
        container, graph = (step.outer, step.node_id), _graph(plan, step.outer)
        reopened.add(container)
        anew |= _with_followers(graph, step.outer, step.node_id) - {container}
        if graph.nodes[graph.index_of[step.node_id]].type == "loop":
            after[container] = step.index
    return Choice(last=last, anew=frozenset(anew), reopened=frozenset(reopened), after=after, frame=frame)


def _graph(plan: Plan, frame: FramePath) -> Plan:
    graph = plan_in(plan, frame)
    if graph is None:
        raise KeyError(frame)
    return graph


def _with_followers(plan: Plan, frame: FramePath, node_id: NodeId) -> set[Place]:
    found = {plan.index_of[node_id]}
    stack = list(found)
    while stack:
        for target, _ in plan.ways_on[stack.pop()]:
            if target not in found:
                found.add(target)
                stack.append(target)
    return {(frame, plan.nodes[index].id) for index in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """The beginning of a new run's log, and the nodes whose outcomes it holds."""

    events: Sequence[Event]
    places: frozenset[Place]


def reuse(
    past: Sequence[Numbered],
    choice: Choice,
    *,
    plan: Plan,
    at: float,
    inputs: Mapping[str, Any],
    edited: Mapping[Place, Mapping[str, Any]] | None = None,
) -> Reused:
    """The log that begins with what is chosen of another; `edited` are outputs that replace what a node gave."""
    kept, ended = _outcomes(past, choice, plan), _rounds(past, choice)
    kept = {place: seq for place, seq in kept.items() if plan_in(plan, place[0]) or _is_done(place[0], plan, kept)}
    ended = {frame: seq for frame, seq in ended.items() if plan_in(plan, frame) or _is_done(frame, plan, kept)}
    begun = {*ended, *(frame for frame, _ in kept if frame)}
    begun |= {_path(steps[: end + 1]) for steps in map(steps_of, begun) for end in range(len(steps))}
    copying = _Copying(at=at, kept=kept, ended=ended, begun=begun, edited=edited or {})
    started = next(event for _, event in past if isinstance(event, RunStarted))
    sys = {name: value for name, value in started.sys.items() if name not in _OWN}
    events: list[Event] = [replace(started, at=at, inputs=inputs, sys=sys)]
    for seq, event in past:
        events.extend(copying.of(seq, event))
    return Reused(events=events, places=frozenset(kept))


def _outcomes(past: Iterable[Numbered], choice: Choice, plan: Plan) -> dict[Place, int]:
    """The event that tells of each outcome that holds."""
    return {
        (event.frame, event.node_id): seq
        for seq, event in past
        if isinstance(event, NodeSucceeded) or (isinstance(event, NodeFailed) and event.handled)
        if choice.holds(seq, event.frame, event.node_id)
    }


def _rounds(past: Iterable[Numbered], choice: Choice) -> dict[FramePath, int]:
    return {
        event.frame: seq
        for seq, event in past
        if isinstance(event, FrameFinished) and choice.holds_round(seq, event.frame)
    }


def _is_done(frame: FramePath, plan: Plan, kept: Mapping[Place, int]) -> bool:
    """Whether the call that a frame of another workflow belongs to has its outcome; a call is not reused in part."""
    call = next(step for step in steps_of(frame) if _has_no_body(plan, step))
    return (call.outer, call.node_id) in kept


def _has_no_body(plan: Plan, step: Step) -> bool:
    graph = plan_in(plan, step.outer)
    assert graph is not None
    return step.node_id not in graph.index_of or graph.nodes[graph.index_of[step.node_id]].body is None


def _path(steps: Sequence[Step]) -> FramePath:
    return "/".join(f"{step.node_id}:{step.index}" for step in steps)


@dataclass(slots=True, kw_only=True)
class _Copying:
    """Copies events one after the other; every node is told to start once."""

    at: float
    kept: Mapping[Place, int]
    ended: Mapping[FramePath, int]
    begun: set[FramePath]
    edited: Mapping[Place, Mapping[str, Any]]
    _told: set[Place | FramePath] = field(default_factory=set)
    _count: int = 0

    def of(self, seq: int, event: Event) -> Iterable[Event]:
        """The copy of an event, or nothing."""
        match event:
            case NodeStarted():
                yield from self._started(event)
            case NodeNoted() if (event.frame, event.node_id) in self.kept:
                yield replace(event, at=self.at)
            case FrameStarted() if event.frame in self.begun and event.frame not in self._told:
                self._told.add(event.frame)
                yield replace(event, at=self.at)
            case FrameFinished() if self.ended.get(event.frame) == seq:
                yield replace(event, at=self.at, elapsed=0.0)
            case NodeSucceeded() if self.kept.get((event.frame, event.node_id)) == seq:
                outputs = self.edited.get((event.frame, event.node_id), event.outputs)
                yield replace(event, at=self.at, outputs=outputs, usage=None, elapsed=0.0, first_text=None, reused=True)
            case NodeFailed() if self._shows(event, seq):
                yield replace(event, at=self.at, usage=None, elapsed=0.0, reused=True)

    def _started(self, event: NodeStarted) -> Iterable[Event]:
        place = event.frame, event.node_id
        inner = f"{event.frame}/{event.node_id}:" if event.frame else f"{event.node_id}:"
        contains = any(frame.startswith(inner) for frame in self.begun) if place not in self.kept else False
        is_reused = place in self.kept or event.frame in self.ended
        if place in self._told or not (is_reused or contains):
            return
        self._told.add(place)
        self._count += 1
        yield replace(event, at=self.at, index=self._count, attempt=1, reused=is_reused)

    def _shows(self, event: NodeFailed, seq: int) -> bool:
        """A handled failure holds; of others, those are told that ended a round which is kept."""
        if event.handled:
            return self.kept.get((event.frame, event.node_id)) == seq
        return event.frame in self.ended
