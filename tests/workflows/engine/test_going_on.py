"""Runs that go on: cut anywhere and taken over, put aside for people, resumed; nothing that is done is done again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows.engine.events import (
    AnswerReplaced,
    Event,
    NodeAnswered,
    NodeFailed,
    NodeIntended,
    NodeRetried,
    NodeStarted,
    NodeSucceeded,
    NodeWaiting,
    RunFinished,
    RunPaused,
    from_dict,
    to_dict,
)
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.node import NodeContext, NodeResult, NodeType
from apps.workflows.engine.past import Past
from apps.workflows.engine.replay import fold
from apps.workflows.engine.runner import Continuation, RunValues, execute
from apps.workflows.engine.variables import Reference
from tests.workflows.engine.ports_for_tests import ports
from tests.workflows.engine.runs import TEST_REGISTRY, answer, body, document, each, node
from tests.workflows.engine.test_scheduling import documents


@dataclass
class World:
    """What nodes of a run did to the world, over all processes."""

    acts: list[tuple[str, str]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)


WORLD = World()


@dataclass
class Act:
    """Acts on the world under the key it was given."""

    name: str

    async def run(self, context: NodeContext) -> NodeResult:
        key = await context.world.intend()
        WORLD.acts.append((self.name, key))
        await asyncio.sleep(0)
        return NodeResult(outputs={"key": key})


@dataclass
class Ask:
    """Waits for somebody."""

    async def run(self, context: NodeContext) -> NodeResult:
        reply = context.world.reply({"question": "ok?"}, until=None)
        return NodeResult(outputs={"said": reply["said"]}, handle=reply.get("handle"))


@dataclass
class Add:
    async def run(self, context: NodeContext) -> NodeResult:
        total = context.values.get(Reference.parse("loop.total")) + 1
        return NodeResult(outputs={"value": total}, writes={"loop.total": total, "conversation.last": total})


TEST_REGISTRY |= {
    "act": NodeType(name="act", schema={}, compile=lambda c: Act(c.get("name", "act")), outputs=lambda _c: None),
    "ask": NodeType(name="ask", schema={}, compile=lambda _c: Ask(), outputs=lambda _c: None),
    "add": NodeType(name="add", schema={}, compile=lambda _c: Add(), outputs=lambda _c: None),
}


class Cut(Exception):
    """The process is gone."""


async def run(
    written: Mapping[str, Any], log: list[Event], *, cut: int | None = None, reason: str = "takeover", **values: Any
) -> Event | None:
    """Run, or go on with, a document whose log is `log`, dying before the event with number `cut` is stored."""
    plan = compile_plan(written, registry=TEST_REGISTRY)
    stored = [from_dict(json.loads(json.dumps(to_dict(event)))) for event in log]
    goes_on = Continuation(past=Past.of(stored), reason=reason) if stored else None

    def emit(event: Event) -> None:
        if cut is not None and len(log) >= cut:
            raise Cut
        log.append(event)

    try:
        return await execute(
            plan, run=RunValues(sys={"query": "q", "run_id": "r1"}, **values), ports=ports(), emit=emit, goes_on=goes_on
        )
    except Cut:
        return None


def check(written: Mapping[str, Any], log: list[Event], whole: list[Event]) -> None:
    """The whole story holds: same end, same text for the reader, no finished node run again, one key per act."""
    ended = [
        place(event)
        for event in log
        if isinstance(event, NodeSucceeded) or (isinstance(event, NodeFailed) and event.handled)
    ]
    assert len(ended) == len(set(ended))
    for at, event in enumerate(log):
        if isinstance(event, NodeStarted):
            assert place(event) not in [place(e) for e in log[:at] if isinstance(e, NodeSucceeded)]
    last, expected = log[-1], whole[-1]
    assert isinstance(last, RunFinished)
    assert isinstance(expected, RunFinished)
    assert (last.status, last.outputs) == (expected.status, expected.outputs)
    plan = compile_plan(written, registry=TEST_REGISTRY)
    if plan.kind == "chat":
        assert fold(log, plan).answer == expected.outputs["answer"]
    keys: dict[Any, set[str]] = {}
    for event in log:
        if isinstance(event, NodeIntended):
            keys.setdefault(place(event), set()).add(event.key)
    assert all(len(found) == 1 for found in keys.values())


def place(event: Any) -> tuple[str, str]:
    return event.frame, event.node_id


def story() -> dict[str, Any]:
    """Streams, acts, branches with failures, an iteration, a loop."""
    nodes = [
        node("talk", config={"pieces": ["a", "b", "c"]}),
        node("act", "act"),
        node("fails", config={"fails": 9, "pieces": ["x"]}, on_error={"then": "default", "outputs": {"text": "-"}}),
        each("each", "inputs.items", [node("inner", "act"), answer("tell", "{{ item }};")], "inner>tell", parallel=2),
        node(
            "loop",
            "loop",
            config={
                "rounds": 3,
                "variables": {"total": {"value": 0}},
                "body": body([node("add", "add"), node("post", "act")], "add>post"),
            },
        ),
        answer("say", "{{ talk.text }}{{ fails.text }}={{ loop.total }}"),
    ]
    edges = "start>talk start>act talk>fails act>each each>loop fails>say loop>say"
    return document(nodes, edges) | {"inputs": [{"name": "items", "type": "json", "default": [1, 2, 3]}]}


async def test_a_run_cut_at_every_event_ends_as_if_it_had_not_been():
    whole: list[Event] = []
    WORLD.acts.clear()
    await run(story(), whole)
    acts = sorted(WORLD.acts)
    for cut in range(1, len(whole)):
        log: list[Event] = []
        WORLD.acts.clear()
        assert await run(story(), log, cut=cut) is None
        assert len(log) == cut
        await run(story(), log)
        check(story(), log, whole)
        assert sorted(set(WORLD.acts)) == acts  # some may be done twice, under the same key
        done = {key for event in log[:cut] if isinstance(event, NodeSucceeded) and (key := event.outputs.get("key"))}
        assert all([a[1] for a in WORLD.acts].count(key) == 1 for key in done)


async def test_a_run_that_is_cut_again_and_again_ends_all_the_same():
    whole: list[Event] = []
    await run(story(), whole)
    log: list[Event] = []
    for more in range(1, 200):
        if await run(story(), log, cut=len(log) + 12 + more % 9) is not None:
            break
    check(story(), log, whole)


@settings(max_examples=120, deadline=None)
@given(written=documents(), cut=st.integers(1, 60))
async def test_any_run_may_be_cut_anywhere(written, cut):
    whole: list[Event] = []
    await run(written, whole)
    log: list[Event] = []
    if await run(written, log, cut=min(cut, len(whole) - 1)) is None:
        await run(failed_already(written, log), log)
        ends = fold(log, compile_plan(written, registry=TEST_REGISTRY))
        statuses = {name: state.status for name, state in ends.nodes.items()}
        plan = compile_plan(written, registry=TEST_REGISTRY)
        assert statuses == {name: state.status for name, state in fold(whole, plan).nodes.items()}
        assert isinstance(log[-1], RunFinished)
        assert ends.answer == log[-1].outputs["answer"]


def failed_already(written: Mapping[str, Any], log: list[Event]) -> dict[str, Any]:
    """The document of a world that remembers the failures that the log tells of."""
    copied: dict[str, Any] = json.loads(json.dumps(written))
    for event in log:
        if isinstance(event, NodeRetried):
            next(node for node in copied["nodes"] if node["id"] == event.node_id)["config"]["fails"] -= 1
    return copied


async def test_readers_of_a_text_that_starts_anew_are_told_the_attempt():
    written = document(
        [node("talk", config={"pieces": ["a", "b"]}), answer("say", "{{ talk.text }}")], "start>talk talk>say"
    )
    log: list[Event] = []
    await run(written, log, cut=7)
    assert fold(log).answer == "a"
    await run(written, log)
    replaced = [event for event in log if isinstance(event, AnswerReplaced)]
    assert [(event.text, event.reason, event.details) for event in replaced] == [("", "takeover", {"attempt": 2})]
    assert [(e.node_id, e.attempt) for e in log if isinstance(e, NodeStarted)][-2:] == [("talk", 2), ("say", 1)]
    assert fold(log).answer == "ab"


async def test_an_act_of_which_nobody_knows_is_done_again_unless_the_node_forbids_it():
    for policy, status in [({}, "succeeded"), ({"on_error": {"unknown": "fail"}}, "failed")]:
        written = document([node("act", "act", **policy), answer("say", "x")], "start>act act>say")
        log: list[Event] = []
        WORLD.acts.clear()
        while not any(isinstance(event, NodeIntended) for event in log):
            log.clear()
            await run(written, log, cut=6)
        finished = await run(written, log)
        assert finished.status == status
        if status == "failed":
            assert finished.error.code == "outcome_unknown"


async def paused(written, log, **options):
    ended = await run(written, log, **options)
    assert isinstance(ended, RunPaused)
    assert log[-1] is ended
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return ended


def replied(log: list[Event], name: str, reply: Mapping[str, Any], frame: str = "") -> None:
    log.append(NodeAnswered(at=1.0, node_id=name, reply=reply, frame=frame))


async def test_a_node_waits_for_somebody_while_the_rest_goes_on():
    nodes = [
        node("ask", "ask"),
        node("talk", config={"pieces": ["x"]}),
        answer("say", "{{ talk.text }} {{ ask.said }}"),
    ]
    written = document(nodes, "start>ask start>talk ask>say talk>say")
    log: list[Event] = []
    ended = await paused(written, log)
    assert [item["node_id"] for item in ended.waiting] == ["ask"]
    state = fold(log, compile_plan(written, registry=TEST_REGISTRY))
    assert (state.status, state.nodes["ask"].status, state.nodes["talk"].status) == ("paused", "waiting", "succeeded")
    replied(log, "ask", {"said": "yes"})
    finished = await run(written, log, reason="answer")
    assert finished.outputs == {"answer": "x yes"}
    assert [type(event) for event in log].count(NodeWaiting) == 1


async def test_several_may_wait_and_are_answered_one_by_one():
    nodes = [node("one", "ask"), node("two", "ask"), answer("say", "{{ one.said }}{{ two.said }}")]
    written = document(nodes, "start>one start>two one>say two>say")
    log: list[Event] = []
    assert len((await paused(written, log)).waiting) == 2
    replied(log, "two", {"said": "b"})
    assert [item["node_id"] for item in (await paused(written, log, reason="answer")).waiting] == ["one"]
    replied(log, "one", {"said": "a"})
    assert (await run(written, log, reason="answer")).outputs == {"answer": "ab"}


async def test_waiting_inside_a_parallel_iteration_holds_nothing_up():
    inner = [node("ask", "ask"), node("after", "act")]
    written = document(
        [
            each("each", "inputs.items", inner, "ask>after", collect="ask.said", parallel=2),
            answer("say", "{{ each.output }}"),
        ],
        "start>each each>say",
    )
    written["inputs"] = [{"name": "items", "type": "json", "default": [1, 2, 3]}]
    log: list[Event] = []
    assert [item["frame"] for item in (await paused(written, log)).waiting] == ["each:0", "each:1"]
    replied(log, "ask", {"said": "b"}, "each:1")
    assert [item["frame"] for item in (await paused(written, log, reason="answer")).waiting] == ["each:0", "each:2"]
    replied(log, "ask", {"said": "a"}, "each:0")
    replied(log, "ask", {"said": "c"}, "each:2")
    finished = await run(written, log, reason="answer")
    assert finished.outputs == {"answer": '["a", "b", "c"]'}


async def test_a_wait_is_over_with_the_round_it_belongs_to():
    inner = [node("ask", "ask"), node("bad", config={"fails": 9})]
    written = document(
        [each("each", "inputs.items", inner, on_item_error="continue"), answer("say", "{{ each.output }}")],
        "start>each each>say",
    )
    written["inputs"] = [{"name": "items", "type": "json", "default": [1, 2]}]
    finished = await run(written, [])
    assert (finished.status, finished.outputs) == ("partial-succeeded", {"answer": "[null, null]"})


@pytest.mark.parametrize("at", range(1, 12))
async def test_variables_are_as_they_were(at):
    loop = node(
        "loop", "loop", config={"rounds": 3, "variables": {"total": {"value": 0}}, "body": body([node("add", "add")])}
    )
    written = document([loop, answer("say", "{{ loop.total }} {{ conversation.last }}")], "start>loop loop>say")
    log: list[Event] = []
    await run(written, log, cut=at, conversation={"last": 0})
    finished = await run(written, log, conversation={"last": 0})
    assert finished.outputs == {"answer": "3 3"}
