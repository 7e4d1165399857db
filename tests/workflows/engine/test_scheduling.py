"""The scheduler alone, and whole random runs, against an interpreter that is slow and obvious."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows.engine.graph import Plan, compile_plan
from apps.workflows.engine.runner import Limits
from apps.workflows.engine.scheduler import Scheduler
from tests.workflows.engine.runs import TEST_REGISTRY, answer, document, node, play

HANDLES = [None, "a", "b"]


@st.composite
def documents(draw, *, may_fail=False):
    """A random acyclic document: branches, joins of all kinds, streams, failures with every policy."""
    count = draw(st.integers(1, 9))
    nodes, edges = [], []
    for number in range(count):
        name = f"n{number}"
        handle = draw(st.sampled_from(HANDLES))
        policy = draw(st.sampled_from([None, "branch", "default", "retry"]))
        config = {
            "pieces": draw(st.lists(st.sampled_from(["x", "yy", "z "]), max_size=3)),
            "naps": draw(st.sampled_from([[], [0], [0.001], [0, 0.002]])),
            "fails": draw(st.integers(0, 2)) if policy or may_fail else 0,
            "handle": handle,
        }
        more = {}
        if policy == "retry":
            more["on_error"] = {"retry": {"times": 1, "first": "1ms"}, "then": "branch"}
        elif policy is not None:
            more["on_error"] = {"then": policy, "outputs": {"text": "default"}}
        join = draw(st.sampled_from([None, None, "first", "all"]))
        if join:
            more["join"] = join
        if draw(st.integers(0, 2)) == 0:
            shown = draw(st.lists(st.integers(0, max(number - 1, 0)), max_size=3))
            text = "<" + "|".join(f"{{{{ n{other}.text }}}}" for other in shown) + ">"
            nodes.append(answer(name, text, **({"join": join} if join else {})))
        else:
            nodes.append(node(name, config=config, **more))
        for source in draw(st.sets(st.integers(-1, number - 1), min_size=1, max_size=3)):
            when = None if source < 0 else draw(st.sampled_from([None, None, "a", "b", "error"]))
            edges.append(f"{'start' if source < 0 else f'n{source}'}>{name}" + (f":{when}" if when else ""))
    return document(nodes, " ".join(edges))


def fate(written) -> dict[str, str]:
    """What becomes of every node, read straight off the document, parents first."""
    found: dict[str, tuple[str, str | None]] = {"start": ("succeeded", None)}
    for item in written["nodes"][1:]:
        taken = [
            found[edge["from"]][0] != "skipped" and found[edge["from"]][1] == edge.get("when")
            for edge in written["edges"]
            if edge["to"] == item["id"]
        ]
        runs = all(taken) if item.get("join") == "all" else any(taken)
        found[item["id"]] = outcome(item) if runs else ("skipped", None)
    return {name: status for name, (status, _) in found.items()}


def outcome(item) -> tuple[str, str | None]:
    policy = item.get("on_error", {})
    if item["config"].get("fails", 0) <= policy.get("retry", {}).get("times", 0):
        return "succeeded", item["config"].get("handle")
    return "failed", "error" if policy["then"] == "branch" else None


@settings(max_examples=150, deadline=None)
@given(written=documents(), limit=st.sampled_from([1, 2, 32]))
async def test_a_run_does_what_the_document_says(written, limit):
    played = await play(written, limits=Limits(max_parallel=limit))
    assert played.statuses() == fate(written)
    failed = "failed" in played.statuses().values()
    assert played.finished.status == ("partial-succeeded" if failed else "succeeded")


@settings(max_examples=150, deadline=None)
@given(written=documents(), limit=st.sampled_from([1, 32]))
async def test_the_answer_is_the_text_of_the_answer_nodes_that_ran(written, limit):
    played = await play(written, limits=Limits(max_parallel=limit))
    texts = [
        played.state.nodes[item["id"]].outputs["text"]
        for item in written["nodes"]
        if item["type"] == "answer" and played.statuses()[item["id"]] == "succeeded"
    ]
    assert sorted(cut(played.state.answer)) == sorted(cut("".join(texts)))
    assert all(text in played.state.answer for text in texts)


@settings(max_examples=150, deadline=None)
@given(
    written=documents(may_fail=True),
    limit=st.sampled_from([1, 2, 32]),
    after=st.sampled_from([None, 0, 0.001, 0.003]),
)
async def test_a_run_that_fails_or_is_stopped_anywhere_ends_cleanly(written, limit, after):
    stop = asyncio.Event()
    if after is not None:
        asyncio.get_running_loop().call_later(after, stop.set)
    played = await asyncio.wait_for(play(written, limits=Limits(max_parallel=limit), stop=stop), timeout=5)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    if played.finished.status == "failed":
        assert played.state.nodes[played.finished.error.node_id].status == "failed"
    if after is None:
        assert played.finished.status != "stopped"


def cut(text: str) -> list[str]:
    return [part + ">" for part in text.split(">") if part]


def drained(plan: Plan) -> tuple[Scheduler, list[int]]:
    """A scheduler that was told that everything succeeded by the plain way."""
    scheduler, order = Scheduler(plan), []
    ready, _ = scheduler.start()
    while ready:
        order.append(ready.pop(0))
        ready += scheduler.done(order[-1])[0]
    return scheduler, order


def test_ten_thousand_skipped_nodes_are_no_trouble():
    nodes = [node(f"n{i}") for i in range(10_000)]
    edges = " ".join(["start>n0:never", *(f"n{i}>n{i + 1}" for i in range(9_999))])
    plan = compile_plan(document(nodes, edges), registry=TEST_REGISTRY)
    began = time.perf_counter()
    scheduler, order = drained(plan)
    assert time.perf_counter() - began < 2
    assert order == [0]
    assert scheduler.finished


def test_a_join_a_thousand_wide_runs_once_and_last():
    nodes = [node(f"n{i}") for i in range(1_000)] + [node("join")]
    edges = " ".join(f"start>n{i} n{i}>join" for i in range(1_000))
    plan = compile_plan(document(nodes, edges), registry=TEST_REGISTRY)
    began = time.perf_counter()
    _, order = drained(plan)
    assert time.perf_counter() - began < 2
    assert len(order) == 1_002
    assert order[-1] == plan.index_of["join"]


async def test_a_wide_join_runs_for_real():
    nodes = [node(f"n{i}") for i in range(1_000)] + [answer("join", "all here")]
    edges = " ".join(f"start>n{i} n{i}>join" for i in range(1_000))
    played = await play(document(nodes, edges))
    assert played.order[-1] == "join"
    assert played.finished.steps == 1_002


def test_a_plan_is_named_by_what_the_document_says():
    one, two = document([node("a")], "start>a"), document([node("a")], "start>a")
    two["app"]["name"] = "other"
    digests = [compile_plan(written, registry=TEST_REGISTRY).digest for written in (one, dict(one), two)]
    assert digests[0] == digests[1] != digests[2]
