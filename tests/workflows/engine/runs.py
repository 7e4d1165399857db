"""How tests of the engine write documents and run them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import AnswerReplaced, AnswerText, Event, NodeStarted, RunFinished
from apps.workflows.engine.graph import Plan, compile_plan
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.replay import RunState, fold, name_of
from apps.workflows.engine.runner import RunValues, execute
from apps.workflows.nodes.registry import REGISTRY
from tests.workflows.engine.ports_for_tests import ports as no_ports


@dataclass
class Talk:
    """Streams pieces, napping before each; fails `fails` times before it succeeds; may choose a way on."""

    pieces: list[str]
    naps: list[float]
    fails: int
    handle: str | None
    code: str

    async def run(self, context: NodeContext) -> NodeResult:
        for at, piece in enumerate(self.pieces):
            await asyncio.sleep(self.naps[at % len(self.naps)] if self.naps else 0)
            context.text(piece)
        if self.fails:
            self.fails -= 1
            raise NodeFailure(self.code, "told to fail", retryable=True)
        return NodeResult(outputs={"text": "".join(self.pieces)}, handle=self.handle)


def _talk(config: Config) -> Talk:
    return Talk(
        pieces=list(config.get("pieces", ())),
        naps=list(config.get("naps", ())),
        fails=config.get("fails", 0),
        handle=config.get("handle"),
        code=config.get("code", "told_to"),
    )


TALK = NodeType(name="talk", schema={}, compile=_talk, outputs=lambda _config: frozenset({"text"}))
TEST_REGISTRY = {**REGISTRY, "talk": TALK}


def node(name: str, kind: str = "talk", *, config: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A node of a document."""
    return {"id": name, "type": kind, "config": dict(config or {}), **more}


def each(name: str, over: str, nodes: list[dict[str, Any]], edges: str = "", **config: Any) -> dict[str, Any]:
    """An iteration."""
    return node(name, "iteration", config={"over": over, "body": body(nodes, edges), **config})


def body(nodes: list[dict[str, Any]], edges: str = "") -> dict[str, Any]:
    """The graph inside a container."""
    return {"nodes": nodes, "edges": [_edge(edge) for edge in edges.split()]}


def answer(name: str, text: str, **more: Any) -> dict[str, Any]:
    """An answer node."""
    return node(name, "answer", config={"text": text}, **more)


def document(nodes: list[dict[str, Any]], edges: str, *, kind: str = "chat", **more: Any) -> dict[str, Any]:
    """A document with a start node and edges written as `a>b b>c:else`."""
    return {
        "skep": 1,
        "app": {"name": "test", "kind": kind},
        "nodes": [{"id": "start", "type": "start"}, *nodes],
        "edges": [_edge(edge) for edge in edges.split()],
        **more,
    }


def _edge(text: str) -> dict[str, str]:
    way, _, when = text.partition(":")
    source, target = way.split(">")
    return {"from": source, "to": target, **({"when": when} if when else {})}


@dataclass
class Played:
    """A run that has ended."""

    plan: Plan
    events: list[Event]
    finished: RunFinished

    @property
    def state(self) -> RunState:
        return fold(self.events, self.plan)

    @property
    def order(self) -> list[str]:
        return [name_of(event) for event in self.events if isinstance(event, NodeStarted)]

    @property
    def reading(self) -> list[str]:
        """What the reader got, piece by piece; a replacement is shown as =text."""
        shown = []
        for event in self.events:
            if isinstance(event, AnswerText):
                shown.append(event.text)
            elif isinstance(event, AnswerReplaced):
                shown.append(f"={event.text}")
        return shown

    def statuses(self) -> dict[str, str]:
        return {name: state.status for name, state in self.state.nodes.items()}


async def play(
    written: Mapping[str, Any],
    *,
    ports: Ports | None = None,
    inputs: Mapping[str, Any] | None = None,
    query: str = "",
    env: Mapping[str, Any] | None = None,
    **options: Any,
) -> Played:
    """Run a document to its end, and check what holds for every run."""
    plan = compile_plan(written, registry=TEST_REGISTRY)
    events: list[Event] = []
    values = RunValues(inputs=inputs or {}, sys={"query": query}, env=env or {})
    finished = await execute(plan, run=values, ports=ports or no_ports(), emit=events.append, **options)
    played = Played(plan, events, finished)
    check_story(played)
    return played


def check_story(played: Played) -> None:
    """One end; every node starts and ends once; a follower knows what the run knows."""
    assert played.events[-1] is played.finished
    assert [type(event) for event in played.events].count(RunFinished) == 1
    assert len(played.order) == len(set(played.order)) == played.finished.steps
    state = played.state
    assert state.status == played.finished.status
    assert state.usage == played.finished.usage
    assert state.steps == played.finished.steps
    assert "running" not in played.statuses().values()
    if played.plan.kind == "chat":
        assert state.answer == played.finished.outputs["answer"]
