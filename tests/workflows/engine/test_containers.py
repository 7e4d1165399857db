"""Iterations and loops: order, failures, nesting, limits, and what happens to the rest when one ends."""

from __future__ import annotations

import asyncio
import time

import pytest

from apps.workflows.engine.events import FrameFinished, FrameStarted, NodeFailed
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.node import NodeContext, NodeResult, NodeType
from apps.workflows.engine.past import Past
from apps.workflows.engine.runner import Continuation, Limits, RunValues, execute
from apps.workflows.engine.variables import Reference
from tests.workflows.engine.ports_for_tests import ports
from tests.workflows.engine.runs import TEST_REGISTRY, answer, body, document, each, node, play


class Double:
    """Twice the item; naps longer for smaller ones; fails on what it is told to."""

    def __init__(self, config):
        self.config = config

    async def run(self, context: NodeContext) -> NodeResult:
        item = context.values.get(Reference.parse(self.config.get("of", "item")))
        await asyncio.sleep(self.config.get("nap", 0) * (10 - item) if isinstance(item, int) else 0)
        if item in self.config.get("fails_on", ()):
            raise _failure(item)
        return NodeResult(outputs={"value": item * 2}, writes=dict.fromkeys(self.config.get("writes", ()), item))


def _failure(item):
    from apps.workflows.engine.errors import NodeFailure

    return NodeFailure("told_to", f"not {item}")


TEST_REGISTRY["double"] = NodeType(
    name="double", schema={}, compile=Double, outputs=lambda _config: frozenset({"value"})
)


def double(name="twice", **config):
    return node(name, "double", config=config)


async def run_over(items, container, **options):
    written = document(
        [container, node("done", "end", config={"outputs": {"out": "each.output"}})],
        "start>each each>done",
        kind="workflow",
    )
    written["inputs"] = [{"name": "items", "type": "json"}]
    return await play(written, inputs={"items": items}, **options)


@pytest.mark.parametrize("parallel", [1, 3, 100])
async def test_results_stand_in_the_order_of_the_list(parallel):
    played = await run_over(
        [1, 2, 3, 4], each("each", "inputs.items", [double(nap=0.002)], collect="twice.value", parallel=parallel)
    )
    assert played.finished.outputs == {"out": [2, 4, 6, 8]}
    assert [e.index for e in played.events if isinstance(e, FrameStarted)] == [0, 1, 2, 3]
    assert sorted(e.output for e in played.events if isinstance(e, FrameFinished)) == [2, 4, 6, 8]


@pytest.mark.parametrize("items", [[], None])
async def test_nothing_to_iterate_over_gives_an_empty_list(items):
    played = await run_over(items, each("each", "inputs.items", [double()], collect="twice.value"))
    assert played.finished.outputs == {"out": []}


async def test_something_that_is_no_list_is_said_so():
    played = await run_over("text", each("each", "inputs.items", [double()], collect="twice.value"))
    assert (played.finished.error.code, played.finished.error.node_id) == ("wrong_type", "each")
    assert played.finished.error.details == {"field": "over", "expected": "a list", "got": "str"}


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize(("mode", "out"), [("continue", [2, None, 6]), ("drop", [2, 6])])
async def test_a_failed_item_is_null_or_left_out(mode, out, parallel):
    container = each(
        "each", "inputs.items", [double(fails_on=[2])], collect="twice.value", on_item_error=mode, parallel=parallel
    )
    played = await run_over([1, 2, 3], container)
    assert played.finished.outputs == {"out": out}
    assert played.finished.status == "partial-succeeded"
    assert [e.error.code for e in played.events if isinstance(e, FrameFinished) and e.error] == ["told_to"]


@pytest.mark.parametrize("parallel", [1, 4])
async def test_a_failed_item_fails_the_iteration_and_stops_its_siblings(parallel):
    inner = [double(fails_on=[3]), node("slow", config={"pieces": ["x"], "naps": [0.5]})]
    container = each("each", "inputs.items", inner, "", parallel=parallel, collect="twice.value")
    began = time.perf_counter()
    played = await run_over([3, 4, 5, 6], container)
    assert time.perf_counter() - began < 0.4
    assert played.finished.status == "failed"
    assert played.finished.error.message == "Item 0: not 3"
    assert played.finished.error.details["item"] == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_failed_iteration_can_take_the_error_branch():
    container = each("each", "inputs.items", [double(fails_on=[1])], collect="twice.value") | {
        "on_error": {"then": "branch"}
    }
    nodes = [container, node("sorry", "end", config={"outputs": {"why": "each.error.code"}})]
    written = document(nodes, "start>each each>sorry:error", kind="workflow") | {
        "inputs": [{"name": "items", "type": "json"}]
    }
    played = await play(written, inputs={"items": [1]})
    assert (played.finished.status, played.finished.outputs) == ("partial-succeeded", {"why": "told_to"})


async def test_no_more_items_are_open_than_wanted():
    open_now, most = 0, 0

    class Count:
        async def run(self, _context):
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await asyncio.sleep(0.002)
            open_now -= 1
            return NodeResult(outputs={})

    TEST_REGISTRY["count"] = NodeType(
        name="count", schema={}, compile=lambda _c: Count(), outputs=lambda _c: frozenset()
    )
    await run_over(list(range(12)), each("each", "inputs.items", [node("c", "count")], parallel=3))
    assert most == 3


async def test_iterations_nest_and_inner_rounds_see_what_is_outside():
    inner = each("inner", "item", [double("twice")], collect="twice.value")
    played = await run_over([[1, 2], [3]], each("each", "inputs.items", [inner], collect="inner.output", parallel=2))
    assert played.finished.outputs == {"out": [[2, 4], [6]]}
    flat = each("each", "inputs.items", [inner], collect="inner.output", flatten=True)
    assert (await run_over([[1, 2], [3]], flat)).finished.outputs == {"out": [2, 4, 6]}


@pytest.mark.parametrize("limit", [1, 32])
async def test_a_hundred_levels_are_no_trouble(limit):
    container = double()
    for level in range(100):
        container = each(f"e{level}", "inputs.items", [container])
    container["id"] = "each"
    played = await run_over([1], container, limits=Limits(max_parallel=limit))
    assert played.finished.status == "succeeded"


async def test_a_container_keeps_no_place_of_a_worker():
    played = await run_over(
        [1, 2, 3],
        each("each", "inputs.items", [each("in", "inputs.items", [double()])], parallel=3),
        limits=Limits(max_parallel=1),
    )
    assert played.finished.status == "succeeded"


async def test_a_time_limit_on_the_container_ends_everything_inside():
    container = each("each", "inputs.items", [node("slow", config={"pieces": ["x"], "naps": [5]})], parallel=2) | {
        "timeout": "50ms"
    }
    began = time.perf_counter()
    played = await run_over([1, 2, 3], container)
    assert time.perf_counter() - began < 4
    assert played.finished.error.code == "timeout"
    assert {e.node_id for e in played.events if isinstance(e, NodeFailed)} == {"slow", "each"}
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_stopping_ends_everything_inside():
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    container = each(
        "each",
        "inputs.items",
        [each("in", "inputs.items", [node("slow", config={"pieces": ["x"], "naps": [5]})])],
        parallel=2,
    )
    played = await run_over([1, 2], container, stop=stop)
    assert played.finished.status == "stopped"
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_retry_inside_waits_by_a_timer_and_goes_with_its_round():
    inner = node("flaky", config={"fails": 1, "pieces": ["x"]}, on_error={"retry": {"times": 1, "first": "20ms"}})
    played = await run_over([1], each("each", "inputs.items", [inner], collect="flaky.text"))
    assert played.finished.outputs == {"out": ["x"]}
    forever = node("flaky", config={"fails": 9}, on_error={"retry": {"times": 1, "first": "30s"}})
    began = time.perf_counter()
    played = await run_over([1], each("each", "inputs.items", [forever, double("bad", fails_on=[1])]))
    assert played.finished.status == "failed"
    assert time.perf_counter() - began < 1


def counting_loop(**config):
    return node(
        "each",
        "loop",
        config={
            "rounds": 5,
            "variables": {"total": {"value": 1}},
            "body": body([double(of="loop.total", writes=[]), node("keep", "keep")], "twice>keep"),
            **config,
        },
    )


class Keep:
    async def run(self, context):
        return NodeResult(outputs={}, writes={"loop.total": context.values.get(Reference.parse("twice.value"))})


TEST_REGISTRY["keep"] = NodeType(name="keep", schema={}, compile=lambda _c: Keep(), outputs=lambda _c: frozenset())


async def looped(container):
    written = document(
        [container, node("done", "end", config={"outputs": {"total": "each.total", "rounds": "each.loop_round"}})],
        "start>each each>done",
        kind="workflow",
    )
    return await play(written)


async def test_a_loop_carries_its_variables_from_round_to_round():
    played = await looped(counting_loop())
    assert played.finished.outputs == {"total": 32, "rounds": 5}


async def test_a_condition_ends_a_loop_after_a_round_or_before_the_first():
    after = await looped(counting_loop(until=[{"left": "loop.total", "op": ">", "right": 5}]))
    assert after.finished.outputs == {"total": 8, "rounds": 3}
    before = await looped(counting_loop(until=[{"left": "loop.total", "op": ">", "right": 0}]))
    assert before.finished.outputs == {"total": 1, "rounds": 0}


async def test_a_loop_end_ends_the_loop_with_its_round():
    container = counting_loop()
    container["config"]["body"]["nodes"].append({"id": "leave", "type": "loop-end"})
    container["config"]["body"]["edges"].append({"from": "keep", "to": "leave"})
    assert (await looped(container)).finished.outputs == {"total": 2, "rounds": 1}


async def test_an_answer_inside_a_container_is_said_when_it_is_there():
    inner = [double(), answer("tell", "<{{ twice.value }}>")]
    written = document([each("each", "inputs.items", inner, "twice>tell"), answer("end", " ok")], "start>each each>end")
    written["inputs"] = [{"name": "items", "type": "json"}]
    played = await play(written, inputs={"items": [1, 2]})
    assert played.finished.outputs == {"answer": "<2><4> ok"}


async def test_ten_thousand_items_are_no_trouble():
    played = await run_over(list(range(10_000)), each("each", "inputs.items", [node("n", "start")], collect="index"))
    assert played.finished.outputs == {"out": list(range(10_000))}


async def test_a_run_has_a_deadline_and_a_number_of_steps():
    slow = document([node("slow", config={"pieces": ["x"], "naps": [5]}), answer("say", "x")], "start>slow slow>say")
    played = await play(slow, limits=Limits(seconds=0.05))
    assert (played.finished.status, played.finished.error.code) == ("failed", "run_timeout")
    again = node("each", "loop", config={"rounds": 50, "body": body([node("say")])})
    played = await play(document([again], "start>each"), limits=Limits(steps=10))
    assert (played.finished.status, played.finished.error.code) == ("failed", "too_many_steps")
    assert played.finished.steps == 10


async def test_an_iteration_that_the_run_has_no_steps_for_does_not_begin():
    two = [double(), node("say")]
    container = each("each", "inputs.items", two, "twice>say", on_item_error="continue")
    played = await run_over([1] * 50, container, limits=Limits(steps=101))
    error = played.finished.error
    assert (error.code, error.node_id, played.finished.steps) == ("too_many_steps", "each", 2)
    assert error.details == {"rounds": 50, "steps_each": 2, "left": 99, "limit": 101, "setting": "RUN_STEPS"}
    for told in ("50 rounds", "2 steps", "99 steps", "101 in all", "RUN_STEPS"):
        assert told in error.message
    assert not [event for event in played.events if isinstance(event, FrameStarted)]
    assert (await run_over([1] * 49, container, limits=Limits(steps=101))).finished.status == "succeeded"


async def test_rounds_of_an_earlier_process_are_not_counted_twice():
    written = document([each("each", "inputs.items", [double()], collect="twice.value")], "start>each")
    plan, items, log = compile_plan(written, registry=TEST_REGISTRY), list(range(50)), []
    options = {"run": RunValues(inputs={"items": items}), "ports": ports(), "limits": Limits(steps=60)}
    await execute(plan, emit=log.append, **options)
    past = Past.of(log[: len(log) * 2 // 3])
    assert past.steps > 30
    ended = await execute(plan, emit=log.append, goes_on=Continuation(past=past, reason="takeover"), **options)
    assert ended.status == "succeeded"


async def test_only_nodes_that_are_certain_to_run_count_before_an_iteration():
    choice = node(
        "odd", "if-else", config={"cases": [{"id": "one", "conditions": [{"left": "item", "op": "=", "right": 1}]}]}
    )
    inside = [choice, double(), node("say"), node("after", join="all")]
    container = each("each", "inputs.items", inside, "odd>twice:one odd>say:else twice>after say>after")
    played = await run_over([1] * 20, container, limits=Limits(steps=43))
    assert (played.finished.status, played.finished.steps) == ("succeeded", 43)


async def test_what_the_answer_of_a_run_was_is_told_to_nobody_else():
    plan = compile_plan(document([answer("say", "hi")], "start>say"), registry=TEST_REGISTRY)
    runs = [execute(plan, run=RunValues(), ports=ports(), emit=lambda _e: None) for _ in range(20)]
    assert {(await run).outputs["answer"] for run in runs} == {"hi"}


@pytest.mark.parametrize(
    ("first", "change", "code"),
    [
        ("honey", {"operation": "set", "from": "{{ loop.held }}{{ loop.held }}"}, "text_too_long"),
        ([1, 2], {"operation": "extend", "from": "loop.held"}, "list_too_long"),
    ],
)
async def test_what_doubles_with_every_round_ends_with_a_clear_error(first, change, code):
    grow = node("grow", "assigner", config={"items": [{"variable": "loop.held", **change}]})
    config = {"rounds": 1000, "variables": {"held": {"value": first}}, "body": body([grow])}
    played = await play(document([node("each", "loop", config=config)], "start>each", kind="workflow"))
    assert (played.finished.status, played.finished.error.code) == ("failed", code)
    assert ",000" in played.finished.error.message
    assert played.finished.steps < 30
