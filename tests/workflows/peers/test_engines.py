"""Tests of what other engines get wrong that no other page has; `defects.py` lists them all."""

from __future__ import annotations

import asyncio
import gc
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from apps.workflows.engine.events import AnswerText, Event, NodeFailed, NodeRetried, NodeStarted, NodeSucceeded, to_dict
from apps.workflows.engine.frame import Frame
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.node import NodeContext, NodeResult, NodeType
from apps.workflows.engine.runner import Limits, RunValues, execute
from apps.workflows.engine.variables import Reference, Template
from apps.workflows.nodes.code_outputs import checked
from tests.workflows.engine.ports_for_tests import ports
from tests.workflows.engine.runs import TEST_REGISTRY, answer, document, each, node, play
from tests.workflows.peers import defects

ROOT = Path(__file__).resolve().parents[3]
NAMED = re.findall(r"^(\S.*):\n    (\S+\.py)\n    (test_\w+)$", defects.__doc__ or "", re.MULTILINE)


@pytest.mark.parametrize(("defect", "file", "name"), NAMED, ids=[defect for defect, _, _ in NAMED])
def test_every_defect_has_a_test(defect: str, file: str, name: str) -> None:
    text = (ROOT / "tests" / file).read_text()
    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), f"{defect}: there is no {name} in {file}"


def napping(name: str, seconds: float, **more: Any) -> dict[str, Any]:
    return node(name, config={"pieces": ["x"], "naps": [seconds]}, **more)


async def test_twenty_nodes_that_wait_are_waited_for_together() -> None:
    nodes = [napping(f"n{i}", 0.2) for i in range(20)]
    edges = " ".join(f"start>n{i} n{i}>say" for i in range(20))
    began = time.perf_counter()
    await play(document([*nodes, answer("say", "done")], edges))
    assert time.perf_counter() - began < 0.8  # with five threads: 0.8 s and more


async def test_texts_are_parsed_when_a_version_is_compiled_and_never_again(monkeypatch: pytest.MonkeyPatch) -> None:
    written = document([node("a", config={"pieces": ["x"]}), answer("say", "<{{ a.text }}>")], "start>a a>say")
    plan = compile_plan(written, registry=TEST_REGISTRY)

    def parsed_again(_text: str) -> Template:
        raise AssertionError("a text was parsed while a run was going on")

    monkeypatch.setattr(Template, "parse", parsed_again)
    finished = await execute(plan, run=RunValues(), ports=ports(), emit=lambda _event: None)
    assert finished.outputs == {"answer": "<x>"}


async def test_runs_side_by_side_share_one_plan_and_no_values() -> None:
    nodes = [napping("nap", 0.01), answer("say", "{{ inputs.who }} {{ nap.text }}")]
    plan = compile_plan(document(nodes, "start>nap nap>say"), registry=TEST_REGISTRY)
    runs = [
        execute(plan, run=RunValues(inputs={"who": str(number)}), ports=ports(), emit=lambda _event: None)
        for number in range(100)
    ]
    assert [ended.outputs["answer"] for ended in await asyncio.gather(*runs)] == [f"{n} x" for n in range(100)]


async def test_fifty_runs_at_once_need_no_thread() -> None:
    plan = compile_plan(
        document([napping("nap", 0.05), answer("say", "x")], "start>nap nap>say"), registry=TEST_REGISTRY
    )
    before = threading.active_count()
    runs = [
        asyncio.ensure_future(execute(plan, run=RunValues(), ports=ports(), emit=lambda _event: None))
        for _ in range(50)
    ]
    await asyncio.sleep(0.01)
    assert threading.active_count() == before
    await asyncio.gather(*runs)
    assert threading.active_count() == before


async def test_nodes_of_every_type_may_be_tried_again() -> None:
    again = {"retry": {"times": 1, "first": "1ms", "on": ["told_to", "missing_value", "wrong_type"]}, "then": "branch"}
    condition = {"left": "nothing.here", "op": "is", "right": "x"}
    nodes = [
        each("each", "inputs.text", [node("inner")]) | {"on_error": again},
        node("which", "if-else", config={"cases": [{"id": "a", "conditions": [condition]}]}, on_error=again),
        node("talk", config={"fails": 5}, on_error=again),
    ]
    written = document([*nodes, answer("say", "x")], "start>each start>which start>talk start>say")
    played = await play(written, inputs={"text": "no list"})
    assert sorted(event.node_id for event in played.events if isinstance(event, NodeRetried)) == [
        "each",
        "talk",
        "which",
    ]


async def test_the_log_of_a_thousand_nodes_is_under_a_megabyte() -> None:
    nodes = [node(f"n{i}", config={"pieces": ["some words"]}) for i in range(1_000)]
    edges = " ".join(["start>n0", *(f"n{i}>n{i + 1}" for i in range(999)), "n999>say"])
    sizes = {}
    for count in (500, 1_000):
        chosen = [*nodes[: count - 1], nodes[999], answer("say", "x")]
        ways = [*edges.split()[: count - 1], f"n{count - 2}>n999", "n999>say"]
        played = await play(document(chosen, " ".join(ways)))
        sizes[count] = sum(len(orjson.dumps(to_dict(event))) for event in played.events)
    assert sizes[1_000] < 1_000_000
    assert sizes[1_000] < 2.1 * sizes[500]  # by the number of nodes, not by its square


def test_the_engine_loads_nothing_but_the_standard_library_and_a_validator() -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); before = set(sys.modules)\n"
        "import apps.workflows.engine.runner\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}"
        " - set(sys.stdlib_module_names) - {'apps'}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


async def test_a_fast_branch_does_not_wait_for_a_slow_one() -> None:
    nodes = [napping("slow", 0.6), napping("f1", 0.01), napping("f2", 0.01), napping("f3", 0.01), answer("say", "x")]
    edges = "start>slow start>f1 f1>f2 f2>f3 f3>say slow>say"
    played = await play(document(nodes, edges))
    at = {event.node_id: event.at for event in played.events if isinstance(event, NodeSucceeded)}
    assert at["slow"] - at["f3"] > 0.2


async def test_a_node_costs_the_same_in_a_small_graph_and_a_large_one() -> None:
    costs = {}
    for count in (200, 4_000):
        nodes = [node(f"n{i}") for i in range(count)]
        edges = " ".join(["start>n0", *(f"n{i}>n{i + 1}" for i in range(count - 1)), f"n{count - 1}>say"])
        plan = compile_plan(document([*nodes, answer("say", "x")], edges), registry=TEST_REGISTRY)
        times = []
        for _ in range(5):
            began = time.process_time()
            await execute(plan, run=RunValues(), ports=ports(), emit=lambda _event: None)
            times.append((time.process_time() - began) / count)
        costs[count] = min(times)
    assert costs[4_000] < 2 * costs[200]


async def test_forty_branches_in_a_row_before_an_answer_cost_nothing() -> None:
    nodes, edges = [], []
    for number in range(40):
        nodes += [node(f"if{number}", config={"handle": "a"}), node(f"a{number}"), node(f"b{number}")]
        after = f"if{number + 1}" if number < 39 else "say"
        edges += [f"if{number}>a{number}:a", f"if{number}>b{number}:b", f"a{number}>{after}", f"b{number}>{after}"]
    written = document([*nodes, answer("say", "{{ a39.text }}.")], " ".join(["start>if0", *edges]))
    played = await asyncio.wait_for(play(written), timeout=5)  # there are 2 ** 40 ways to the answer
    assert played.finished.outputs == {"answer": "."}


async def test_a_body_is_compiled_once_for_all_its_rounds() -> None:
    compiled: Counter[str] = Counter()

    class Once:
        async def run(self, _context: NodeContext) -> NodeResult:
            return NodeResult(outputs={})

    def compiling(_config: Any) -> Once:
        compiled["once"] += 1
        return Once()

    TEST_REGISTRY["once"] = NodeType(name="once", schema={}, compile=compiling, outputs=lambda _config: frozenset())
    written = document([each("each", "inputs.items", [node("in", "once")]), answer("say", "x")], "start>each each>say")
    await play(written, inputs={"items": list(range(200))})
    assert compiled["once"] == 1


async def test_rounds_share_what_lies_outside_and_copy_nothing() -> None:
    seen: set[int] = set()

    class Look:
        async def run(self, context: NodeContext) -> NodeResult:
            seen.add(id(context.values.get(Reference.parse("inputs.large"))))
            return NodeResult(outputs={})

    TEST_REGISTRY["look"] = NodeType(
        name="look", schema={}, compile=lambda _config: Look(), outputs=lambda _config: frozenset()
    )
    large = {"text": "x" * 1_000_000}
    written = document([each("each", "inputs.items", [node("in", "look")]), answer("say", "x")], "start>each each>say")
    await play(written, inputs={"items": list(range(200)), "large": large})
    assert seen == {id(large)}


def test_code_may_give_a_thousand_texts() -> None:
    given = {"list": [f"text {number}" for number in range(1_000)]}
    assert checked(given, declared={"list": "array[string]"}) == given


async def test_a_condition_that_is_not_needed_is_not_looked_at() -> None:
    conditions = [{"left": "inputs.a", "op": "is", "right": "x"}, {"left": "nothing.here", "op": "is", "right": "y"}]
    case = {"id": "yes", "logical": "or", "conditions": conditions}
    nodes = [node("which", "if-else", config={"cases": [case]}), answer("say", "yes")]
    played = await play(document(nodes, "start>which which>say:yes"), inputs={"a": "x"})
    assert played.finished.outputs == {"answer": "yes"}


async def test_a_limit_of_one_loses_nothing() -> None:
    nodes = [napping(f"n{i}", 0.001) for i in range(50)]
    edges = " ".join(f"start>n{i} n{i}>say" for i in range(50))
    inner = each("each", "inputs.items", [napping("in", 0.001)], parallel=10)
    written = document([*nodes, inner, answer("say", "done")], f"start>each each>say {edges}")
    played = await play(written, inputs={"items": list(range(30))}, limits=Limits(max_parallel=1))
    assert Counter(played.statuses().values()) == {"succeeded": 50 + 30 + 3}


async def test_nothing_is_left_of_runs_that_have_ended() -> None:
    written = document(
        [each("each", "inputs.items", [napping("in", 0)], parallel=4), answer("say", "x")], "start>each each>say"
    )
    for _ in range(30):
        await play(written, inputs={"items": list(range(10))})
    gc.collect()
    assert sum(isinstance(one, Frame) for one in gc.get_objects()) == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_run_may_have_a_hundred_thousand_events() -> None:
    count = 0

    def counted(_event: Event) -> None:
        nonlocal count
        count += 1

    written = document([each("each", "inputs.items", [node("in", "start")]), answer("say", "x")], "start>each each>say")
    plan = compile_plan(written, registry=TEST_REGISTRY)
    values = RunValues(inputs={"items": list(range(25_000))})
    finished = await execute(plan, run=values, ports=ports(), emit=counted)
    assert finished.status == "succeeded"
    assert count > 100_000


async def test_a_node_that_was_tried_again_is_told_of_once() -> None:
    flaky = node("flaky", config={"fails": 2, "pieces": ["x"]}, on_error={"retry": {"times": 3, "first": "1ms"}})
    played = await play(document([flaky, answer("say", "{{ flaky.text }}")], "start>flaky flaky>say"))
    kinds = Counter(type(event) for event in played.events if getattr(event, "node_id", "") == "flaky")
    assert (kinds[NodeStarted], kinds[NodeRetried], kinds[NodeSucceeded], kinds[NodeFailed]) == (1, 2, 1, 0)


async def test_the_first_words_are_told_before_the_last_are_written() -> None:
    talk = node("talk", config={"pieces": ["one ", "two"], "naps": [0.0, 0.4]})
    played = await play(document([talk, answer("say", "{{ talk.text }}")], "start>talk talk>say"))
    said = [event.at for event in played.events if isinstance(event, AnswerText)]
    assert said[1] - said[0] > 0.3
