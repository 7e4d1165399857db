"""Containers that are tried again, in one process and after takeovers: what of a failed try stays, what is void."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import AnswerReplaced, AnswerText, Event, NodeIntended, NodeRetried, RunFinished
from apps.workflows.engine.node import NodeContext, NodeResult, NodeType
from apps.workflows.engine.replay import fold
from tests.workflows.engine.runs import TEST_REGISTRY, answer, body, document, each, node
from tests.workflows.engine.test_going_on import run

RETRY = {"retry": {"times": 1, "first": "0ms"}}
START = {"conversation": {"last": 0}}


@dataclass
class World:
    """What all processes of a run know: its log, and under which keys somebody acted."""

    log: list[Event] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)

    def has(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self.log)


WORLD = World()


@dataclass
class FailsFirst:
    """Fails until the log tells of another try; `after_act` waits until somebody announced an act."""

    after_act: bool

    async def run(self, _context: NodeContext) -> NodeResult:
        while self.after_act and not WORLD.has(NodeIntended):
            await asyncio.sleep(0)
        if not WORLD.has(NodeRetried):
            raise NodeFailure("told_to", "told to fail", retryable=True)
        return NodeResult(outputs={})


@dataclass
class LongAct:
    """Acts, and in the first try does not come back."""

    async def run(self, context: NodeContext) -> NodeResult:
        key = await context.world.intend()
        WORLD.acts.append(key)
        while not WORLD.has(NodeRetried):
            await asyncio.sleep(0)
        return NodeResult(outputs={"key": key})


TEST_REGISTRY |= {
    "fails-first": NodeType(
        name="fails-first",
        schema={},
        compile=lambda config: FailsFirst(after_act=config.get("after_act", False)),
        outputs=lambda _c: None,
    ),
    "long-act": NodeType(name="long-act", schema={}, compile=lambda _c: LongAct(), outputs=lambda _c: None),
}


async def cut_everywhere(written: Mapping[str, Any]) -> list[list[Event]]:
    """The log of the run that nobody cut, and those of runs that were cut before each of its events, and taken over."""
    whole: list[Event] = []
    WORLD.log, WORLD.acts = whole, []
    await run(written, whole, **START)
    logs = [whole]
    for cut in range(1, len(whole)):
        log: list[Event] = []
        WORLD.log, WORLD.acts = log, []
        if await run(written, log, cut=cut, **START) is None:
            await run(written, log, **START)
        logs.append(log)
    return logs


def ended(log: list[Event]) -> RunFinished:
    last = log[-1]
    assert isinstance(last, RunFinished)
    return last


def counting() -> dict[str, Any]:
    """A loop of two rounds that counts in an iteration, which fails once after its first item was counted."""
    inner = each("each", "inputs.items", [node("add", "add"), node("bad", "fails-first")], "add>bad")
    inner["on_error"] = RETRY
    loop = node("loop", "loop", config={"rounds": 2, "variables": {"total": {"value": 0}}, "body": body([inner])})
    written = document([loop, answer("say", "{{ loop.total }} {{ conversation.last }}")], "start>loop loop>say")
    return written | {"inputs": [{"name": "items", "type": "json", "default": [1, 2]}]}


async def test_variables_of_an_outer_loop_keep_what_a_failed_try_set_wherever_the_run_is_cut():
    for log in await cut_everywhere(counting()):
        assert [event.node_id for event in log if isinstance(event, NodeRetried)] == ["each"]
        assert (ended(log).status, ended(log).outputs) == ("succeeded", {"answer": "5 5"})


async def test_variables_of_the_loop_that_is_tried_again_begin_anew_wherever_the_run_is_cut():
    inner = [node("add", "add"), node("bad", "fails-first")]
    config = {"rounds": 2, "variables": {"total": {"value": 0}}, "body": body(inner, "add>bad")}
    loop = node("loop", "loop", config=config, on_error=RETRY)
    written = document([loop, answer("say", "{{ loop.total }}")], "start>loop loop>say")
    for log in await cut_everywhere(written):
        assert ended(log).outputs == {"answer": "2"}


async def test_what_a_failed_try_said_is_taken_back_wherever_the_run_is_cut():
    inner = each("each", "inputs.items", [answer("tell", "{{ item }};"), node("bad", "fails-first")], "tell>bad")
    written = document([inner | {"on_error": RETRY}, answer("say", "done")], "start>each each>say")
    written["inputs"] = [{"name": "items", "type": "json", "default": [1, 2]}]
    logs = await cut_everywhere(written)
    told = [event for event in logs[0] if isinstance(event, (AnswerText, AnswerReplaced))]
    assert [event.text for event in told] == ["1;", "", "1;", "2;", "done"]
    assert (told[1].kind, getattr(told[1], "reason", "")) == ("answer_replaced", "retry")
    for log in logs:
        assert fold(log).answer == ended(log).outputs["answer"] == "1;2;done"


@pytest.mark.parametrize("policy", [{}, {"unknown": "fail"}])
async def test_an_act_that_a_failed_try_broke_off_is_not_done_again_if_the_node_forbids_it(policy):
    act = node("act", "long-act", **({"on_error": policy} if policy else {}))
    inner = each("each", "inputs.items", [act, node("bad", "fails-first", config={"after_act": True})])
    written = document([inner | {"on_error": RETRY}, answer("say", "done")], "start>each each>say")
    written["inputs"] = [{"name": "items", "type": "json", "default": [1]}]
    for log in await cut_everywhere(written):
        error = ended(log).error
        if policy:
            assert error is not None
            assert (ended(log).status, error.code, "must not be done twice" in error.message) == (
                "failed",
                "outcome_unknown",
                True,
            )
            assert len(WORLD.acts) <= 1
        else:
            assert ended(log).status == "succeeded"
            assert len(set(WORLD.acts)) == 1
