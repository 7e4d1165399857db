"""Rebuild what is known of a run from its events: what a follower knows equals what the run knew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from apps.workflows.engine.events import (
    BROKEN_OFF,
    AnswerReplaced,
    AnswerText,
    ErrorInfo,
    Event,
    NodeFailed,
    NodeStarted,
    NodeSucceeded,
    NodeWaiting,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    Usage,
)
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.policy import ERROR_HANDLE
from apps.workflows.engine.scheduler import Scheduler

NodeStatus = Literal["running", "waiting", "succeeded", "failed", "stopped", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """One node as the events tell of it. `handled` failures did not fail the run."""

    status: NodeStatus
    outputs: Mapping[str, Any] = field(default_factory=dict)
    handle: str | None = None
    error: ErrorInfo | None = None
    handled: bool = False
    usage: Usage | None = None
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A run as the events tell of it; `status` is waiting before the first event and running before the last.

    `nodes` has those inside containers too, as `frame/node`.
    """

    status: str = "waiting"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    nodes: Mapping[str, NodeState] = field(default_factory=dict)
    answer: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: ErrorInfo | None = None
    usage: Usage = field(default_factory=Usage)
    steps: int = 0
    elapsed: float = 0.0


def name_of(event: NodeStarted | NodeWaiting | NodeSucceeded | NodeFailed) -> str:
    """A node's name in a run's state."""
    return f"{event.frame}/{event.node_id}" if event.frame else event.node_id


def fold(events: Iterable[Event], plan: Plan | None = None) -> RunState:
    """The run after these events. With the plan, nodes that will never run are there as skipped."""
    folding = _Folding(plan)
    for event in events:
        folding.on(event)
    return folding.state()


class _Folding:
    """The state between two events."""

    def __init__(self, plan: Plan | None) -> None:
        self._plan = plan
        self._scheduler = None if plan is None else Scheduler(plan)
        self._run = RunState()
        self._nodes: dict[str, NodeState] = {}
        self._answer: list[str] = []
        self._usage = Usage()
        self._steps = 0

    def state(self) -> RunState:
        """What is known now."""
        return replace(
            self._run, nodes=dict(self._nodes), answer="".join(self._answer), usage=self._usage, steps=self._steps
        )

    def on(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case RunStarted():
                self._run = replace(self._run, status="running", inputs=event.inputs, query=event.query)
                if self._plan is not None and self._scheduler is not None:
                    self._skip(self._scheduler.start(self._plan.index_of.get(event.entry))[1])
            case RunResumed():
                self._run = replace(self._run, status="running")
            case RunPaused():
                self._run = replace(self._run, status="paused")
            case NodeStarted():
                self._steps += 1
                self._nodes[name_of(event)] = NodeState(status="running")
            case NodeWaiting():
                self._nodes[name_of(event)] = NodeState(status="waiting")
            case NodeSucceeded():
                self._nodes[name_of(event)] = NodeState(
                    status="succeeded",
                    outputs=event.outputs,
                    handle=event.handle,
                    usage=event.usage,
                    elapsed=event.elapsed,
                )
                self._count(event.usage)
                self._go_on(event, event.handle)
            case NodeFailed():
                self._failed(event)
            case AnswerText():
                self._answer.append(event.text)
            case AnswerReplaced():
                self._answer = [event.text]
            case RunFinished():
                self._run = replace(
                    self._run,
                    status=event.status,
                    outputs=event.outputs,
                    error=event.error,
                    elapsed=event.elapsed,
                )
            case _:
                pass  # says nothing that an outcome would not say again

    def _failed(self, event: NodeFailed) -> None:
        stopped = event.error.code == BROKEN_OFF
        self._nodes[name_of(event)] = NodeState(
            status="stopped" if stopped else "failed",
            outputs=event.outputs,
            error=event.error,
            handled=event.handled,
            usage=event.usage,
            elapsed=event.elapsed,
        )
        self._count(event.usage)
        if event.handled and self._plan is not None and not event.frame:
            policy = self._plan.nodes[self._plan.index_of[event.node_id]].policy
            self._go_on(event, ERROR_HANDLE if policy.then == "branch" else None)

    def _go_on(self, event: NodeSucceeded | NodeFailed, handle: str | None) -> None:
        if self._plan is not None and self._scheduler is not None and not event.frame:
            self._skip(self._scheduler.done(self._plan.index_of[event.node_id], handle)[1])

    def _skip(self, nodes: list[int]) -> None:
        assert self._plan is not None
        for node in nodes:
            self._nodes[self._plan.nodes[node].id] = NodeState(status="skipped")

    def _count(self, usage: Usage | None) -> None:
        if usage is not None:
            self._usage += usage
