"""Whole random runs against an interpreter that is slow and obvious: also cut anywhere, and gone on with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from apps.workflows.engine.events import (
    Event,
    FrameFinished,
    FrameStarted,
    NodeFailed,
    NodeRetried,
    NodeStarted,
    NodeSucceeded,
    RunFinished,
    from_dict,
    to_dict,
)
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.past import Past
from apps.workflows.engine.replay import fold
from apps.workflows.engine.runner import Continuation, Limits, RunValues, execute
from tests.workflows.engine.ports_for_tests import ports
from tests.workflows.engine.random_graphs import documents
from tests.workflows.engine.reference import Fate, Pass, Reference
from tests.workflows.engine.runs import TEST_REGISTRY

#: The same documents every time, so that a red build is a change of ours; more by `--hypothesis-profile` and a seed.
STEADY = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ITEMS = st.sampled_from([[1, 2, 3], [[1], [2, 3]], [4, 5], [], None, "text"])
LIMITS = st.sampled_from([1, 2, 32])


class Cut(Exception):
    """The process is gone."""


async def run(
    written: Mapping[str, Any],
    items: Any,
    log: list[Event],
    *,
    entry: str | None = None,
    limit: int = 32,
    cut: int | None = None,
) -> Event | None:
    """Run, or go on with, the document whose log is `log`; die before event number `cut` is stored."""
    stored = [from_dict(json.loads(json.dumps(to_dict(event)))) for event in log]

    def emit(event: Event) -> None:
        if cut is not None and len(log) >= cut:
            raise Cut
        log.append(event)

    try:
        return await execute(
            compile_plan(written, registry=TEST_REGISTRY),
            run=RunValues(inputs={"items": items}, sys={"run_id": "r"}),
            ports=ports(),
            emit=emit,
            limits=Limits(max_parallel=limit),
            entry=entry,
            goes_on=Continuation(past=Past.of(stored), reason="takeover") if stored else None,
        )
    except Cut:
        return None


def entries(written: Mapping[str, Any]) -> list[str]:
    return [one["id"] for one in written["nodes"] if one["type"] == "start"]


@STEADY
@given(written=documents(), items=ITEMS, limit=LIMITS, data=st.data())
async def test_a_run_means_what_the_reference_says(written, items, limit, data):
    entry = data.draw(st.sampled_from([None, *entries(written)]))
    log: list[Event] = []
    await run(written, items, log, entry=entry, limit=limit)
    expected = Reference(written, {"items": items}, entry)
    event(expected.status)
    event(f"rounds: {min(len(expected.passes) - 1, 5)}")
    check(written, log, expected)
    assert most_often(valid(log), NodeStarted) <= 1
    assert most_often(valid(log), FrameStarted) <= 1


@STEADY
@given(written=documents(), items=ITEMS, limit=LIMITS, cuts=st.lists(st.integers(1, 25), min_size=1, max_size=3))
async def test_a_run_that_is_cut_and_taken_over_means_the_same(written, items, limit, cuts):
    log: list[Event] = []
    at = 0
    for more in cuts:
        at += more
        if await run(written, items, log, limit=limit, cut=at) is not None:
            break
    else:
        await run(written, items, log, limit=limit)
    check(written, log, Reference(written, {"items": items}))
    check_no_repeats(log)


@pytest.mark.parametrize("parallel", [1, 2])
async def test_a_run_with_failing_rounds_may_be_cut_at_any_event(parallel):
    fails = {"name": "bad", "sees": ["item"], "cases": [{"code": "told_to", "fails": 9}, {"code": "x"}], "breaths": 1}
    good = {"name": "good", "sees": ["bad.value"], "cases": [{"code": "x"}], "breaths": 2}
    body = {
        "nodes": [{"id": "bad", "type": "probe", "config": fails}, {"id": "good", "type": "probe", "config": good}],
        "edges": [{"from": "bad", "to": "good"}],
    }
    nodes = [{"id": "start", "type": "start"}]
    for mode in ("continue", "drop"):
        config = {"over": "inputs.items", "body": body, "collect": "good.value", "on_item_error": mode}
        nodes.append({"id": mode, "type": "iteration", "config": {**config, "parallel": parallel}})
    nodes.append({"id": "end", "type": "end", "config": {"outputs": {"a": "continue.output", "b": "drop.output"}}})
    edges = [{"from": "start", "to": "continue"}, {"from": "continue", "to": "drop"}, {"from": "drop", "to": "end"}]
    written = {"skep": 1, "app": {"kind": "workflow"}, "nodes": nodes, "edges": edges}
    items = [1, 2, 3, 4, 5]
    whole: list[Event] = []
    await run(written, items, whole)
    assert isinstance(whole[-1], RunFinished)
    assert None in whole[-1].outputs["a"]
    assert 0 < len(whole[-1].outputs["b"]) < 5
    for cut in range(1, len(whole)):
        log: list[Event] = []
        assert await run(written, items, log, cut=cut) is None
        await run(written, items, log)
        check(written, log, Reference(written, {"items": items}))
        check_no_repeats(log)


@pytest.mark.parametrize("parallel", [1, 2])
async def test_a_container_that_is_tried_again_ends_and_may_be_cut_at_any_event(parallel):
    bad = {"name": "bad", "sees": ["item"], "cases": [{"code": "busy", "fails": 9}, {"code": "x"}], "breaths": 1}
    good = {"name": "good", "sees": ["item"], "cases": [{"code": "x"}], "breaths": 1}
    body = {
        "nodes": [{"id": "good", "type": "probe", "config": good}, {"id": "bad", "type": "probe", "config": bad}],
        "edges": [{"from": "good", "to": "bad"}],
    }
    each = {
        "id": "each",
        "type": "iteration",
        "config": {"over": "inputs.items", "body": body, "collect": "bad.value", "parallel": parallel},
        "on_error": {"retry": {"times": 1, "first": "0ms"}, "then": "default", "outputs": {"output": ["-"]}},
    }
    nodes = [
        {"id": "start", "type": "start"},
        each,
        {"id": "end", "type": "end", "config": {"outputs": {"o": "each.output"}}},
    ]
    edges = [{"from": "start", "to": "each"}, {"from": "each", "to": "end"}]
    written = {"skep": 1, "app": {"kind": "workflow"}, "nodes": nodes, "edges": edges}
    items = [1, 2, 3, 4]
    whole: list[Event] = []
    await run(written, items, whole)
    assert [told.node_id for told in whole if isinstance(told, NodeRetried)] == ["each"]
    for cut in range(1, len(whole)):
        log: list[Event] = []
        if await run(written, items, log, cut=cut) is None:  # several at a time may end a little earlier
            await run(written, items, log)
        assert log[-1].outputs == {"o": ["-"]}
        assert [told.node_id for told in log if isinstance(told, NodeRetried)] == ["each"], cut
        check(written, log, Reference(written, {"items": items}))


def check_no_repeats(log: list[Event]) -> None:
    """Nothing that has ended begins again: no node, no round; but for a container that is tried again."""
    log = valid(log)
    ended, over = set(), set()
    for told in log:
        if isinstance(told, NodeStarted):
            assert place(told) not in ended, "a node that had ended ran again"
            assert not over & outer_rounds(told.frame), "a round that was over began again"
        elif isinstance(told, FrameFinished):
            over.add(told.frame)
        elif isinstance(told, NodeSucceeded) or (isinstance(told, NodeFailed) and told.handled):
            assert place(told) not in ended, "a node ended twice"
            ended.add(place(told))
    assert most_often(log, FrameStarted) <= 1
    assert most_often(log, FrameFinished) <= 1


@STEADY
@given(written=documents(may_fail=False), items=ITEMS)
async def test_documents_whose_failures_are_all_handled_never_fail(written, items):
    log: list[Event] = []
    finished = await run(written, items, log)
    assert isinstance(finished, RunFinished)
    assert finished.status in ("succeeded", "partial-succeeded")
    check(written, log, Reference(written, {"items": items}))


def check(written: Mapping[str, Any], log: list[Event], expected: Reference) -> None:
    """The log tells what the reference expects, and nothing else."""
    finished = log[-1]
    assert isinstance(finished, RunFinished)
    assert finished.status == expected.status
    root = expected.passes[""]
    if finished.status == "failed":
        assert finished.error is not None
        assert finished.error.node_id in root.culprits
    else:
        assert finished.outputs == expected.outputs
        skipped = {name for name, fate in root.fates.items() if fate.status == "skipped"}
        state = fold(log, compile_plan(written, registry=TEST_REGISTRY))
        assert {name for name, node in state.nodes.items() if node.status == "skipped"} == skipped
    told = Told(valid(log))
    assert set(told.passes) <= set(expected.passes)
    for path, one in expected.passes.items():
        if path not in told.passes:
            assert not one.must, f"round {path} never began"
            continue
        check_pass(path, one, told)


class Told:
    """What a log says of every node of every pass, and of the passes."""

    def __init__(self, log: list[Event]) -> None:
        self.passes: dict[str, set[str]] = {"": set()}
        self.ended: dict[tuple[str, str], NodeSucceeded | NodeFailed] = {}
        self.rounds: dict[str, FrameFinished] = {}
        self.retries: Counter[tuple[str, str]] = Counter()
        for told in log:
            if isinstance(told, NodeStarted):
                self.passes[told.frame].add(told.node_id)
            elif isinstance(told, FrameStarted):
                self.passes.setdefault(told.frame, set())
            elif isinstance(told, FrameFinished):
                self.rounds[told.frame] = told
            elif isinstance(told, NodeRetried):
                self.retries[place(told)] += 1
            elif isinstance(told, NodeSucceeded | NodeFailed):
                self.ended[place(told)] = told


def check_pass(path: str, one: Pass, told: Told) -> None:
    """What happened in a pass may have happened; where the pass is strict, all of it has."""
    started = told.passes[path]
    ran = {name for name, fate in one.fates.items() if fate.status in ("succeeded", "failed")}
    assert started <= ran
    if one.strict:
        assert started == ran
    for name in started:
        fate, ended = one.fates[name], told.ended.get((path, name))
        assert ended is not None, "a node that began had no end"
        if isinstance(ended, NodeFailed) and ended.error.code == "stopped":
            assert not one.strict
            continue
        check_node(fate, ended)
        if fate.retries is not None:
            assert told.retries[path, name] == fate.retries
    if path and one.must:
        finished = told.rounds[path]
        if one.culprits:
            assert finished.error is not None
            assert finished.error.node_id in one.culprits
        else:
            assert (finished.error, finished.output) == (None, one.output)


def check_node(fate: Fate, ended: NodeSucceeded | NodeFailed) -> None:
    """A node ended as expected."""
    if isinstance(ended, NodeFailed):
        assert (fate.status, fate.handled) == ("failed", ended.handled)
        return
    assert (fate.status, fate.handle, fate.partial) == ("succeeded", ended.handle, ended.partial)
    if fate.outputs:
        assert ended.outputs == fate.outputs


def valid(log: list[Event]) -> list[Event]:
    """The log without what happened in tries of containers that others followed."""
    kept: list[Event] = []
    for told in log:
        if isinstance(told, NodeRetried):
            rounds = f"{told.frame}/{told.node_id}:" if told.frame else f"{told.node_id}:"
            kept = [before for before in kept if not getattr(before, "frame", "").startswith(rounds)]
        kept.append(told)
    return kept


def outer_rounds(path: str) -> set[str]:
    """A round and those around it."""
    steps = path.split("/") if path else []
    return {"/".join(steps[: at + 1]) for at in range(len(steps))}


def most_often(log: list[Event], kind: type[Event]) -> int:
    """How often the same node began, or the same round."""
    places = Counter(place(told) for told in log if isinstance(told, kind))
    return max(places.values(), default=0)


def place(told: Any) -> tuple[str, str]:
    return told.frame, told.node_id
