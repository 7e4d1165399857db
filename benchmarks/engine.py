"""What the engine costs per node, with its full event stream, beside a bare asyncio loop in the same process.

    PYTHONPATH=.:platform python benchmarks/engine.py [--rounds 20]

Prints JSON, ratios first. Both sides run the same no-op nodes; the peer counts edges and awaits a coroutine per node,
and does nothing else: no values, no events, no failures. Rounds of the two alternate, the best of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import fields
from typing import Any

from apps.workflows.engine.events import Event
from apps.workflows.engine.graph import Plan, compile_plan
from apps.workflows.engine.node import NodeContext, NodeResult, NodeType
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.runner import RunValues, execute
from apps.workflows.nodes.registry import REGISTRY

TARGET_US = 100
AIM_US = 50


class NoOp:
    """A node that does nothing."""

    async def run(self, _context: NodeContext) -> NodeResult:
        return NodeResult(outputs={"value": 1})


NO_OP = NodeType(name="noop", schema={}, compile=lambda _config: NoOp(), outputs=lambda _config: None)
NO_PORTS = Ports(**dict.fromkeys(field.name for field in fields(Ports)))  # type: ignore[arg-type]


def document(names: list[str], edges: list[tuple[str, str, str | None]]) -> dict[str, Any]:
    """A workflow of no-op nodes between start and end; a node called `if` never takes its case."""
    never = {"cases": [{"id": "never", "conditions": [{"left": "sys.query", "op": "is", "right": "x"}]}]}
    return {
        "app": {"name": "bench", "kind": "workflow"},
        "nodes": [
            {"id": "start", "type": "start"},
            *(
                {"id": "if", "type": "if-else", "config": never} if name == "if" else {"id": name, "type": "noop"}
                for name in names
            ),
        ],
        "edges": [{"from": source, "to": target, **({"when": when} if when else {})} for source, target, when in edges],
    }


def chain(count: int) -> dict[str, Any]:
    """One after the other."""
    names = [f"n{i}" for i in range(count - 1)]
    return document(names, [(a, b, None) for a, b in zip(["start", *names], names, strict=False)])


def fan(count: int) -> dict[str, Any]:
    """Side by side, then a join."""
    names = [f"n{i}" for i in range(count)]
    edges = [("start", name, None) for name in names] + [(name, "join", None) for name in names]
    return document([*names, "join"], edges)


def layered(width: int, depth: int) -> dict[str, Any]:
    """Layers in which every node leads to every node of the next."""
    layers = [["start"], *([f"n{row}_{i}" for i in range(width)] for row in range(depth))]
    edges = [(a, b, None) for upper, lower in itertools.pairwise(layers) for a in upper for b in lower]
    return document([name for layer in layers[1:] for name in layer], edges)


def skipped(count: int) -> dict[str, Any]:
    """A branch whose long side is not taken."""
    names = [f"n{i}" for i in range(count)]
    edges = [("start", "if", None), ("if", "n0", "never"), ("if", "other", "else")]
    edges += [(a, b, None) for a, b in itertools.pairwise(names)]
    return document(["if", *names, "other", "last"], [*edges, ("other", "last", None)])


async def engine(plan: Plan) -> int:
    """One run; the number of its events."""
    events: list[Event] = []
    await execute(plan, run=RunValues(sys={"query": "q"}), ports=NO_PORTS, emit=events.append)
    return len(events)


async def bare(plan: Plan) -> int:
    """The same graph, by a loop that only counts edges."""

    async def no_op() -> dict[str, int]:
        return {"value": 1}

    left = [len(ways) for ways in plan.ways_in]
    live = [False] * len(left)
    values: list[Any] = [None] * len(left)
    todo = deque((index, True) for index, count in enumerate(left) if count == 0)
    while todo:
        index, runs = todo.popleft()
        chosen = "else" if plan.nodes[index].type == "if-else" else None
        if runs:
            values[index] = await no_op()
        for target, handle in plan.ways_on[index]:
            left[target] -= 1
            live[target] = live[target] or (runs and handle == chosen)
            if left[target] == 0:
                todo.append((target, live[target]))
    return 0


def timed(run: Callable[[Plan], Coroutine[Any, Any, int]], plan: Plan) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and events of one run in an event loop that is already warm."""

    async def once() -> tuple[float, float, int]:
        began, cpu = time.perf_counter(), time.process_time()
        events = await run(plan)
        return time.perf_counter() - began, time.process_time() - cpu, events

    return LOOP.run_until_complete(once())


def measure(written: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Both sides on one document."""
    began = time.perf_counter()
    plan = compile_plan(written, registry={**REGISTRY, "noop": NO_OP})
    compiled = time.perf_counter() - began
    ours, cpu, theirs = [], [], []
    events = 0
    for _ in range(rounds):
        wall_seconds, cpu_seconds, events = timed(engine, plan)
        ours.append(wall_seconds)
        cpu.append(cpu_seconds)
        theirs.append(timed(bare, plan)[0])
    count = len(plan.nodes)
    return {
        "ratio_to_bare": round(min(ours) / min(theirs), 1),
        "us_per_node": round(min(ours) / count * 1e6, 1),
        "cpu_us_per_node": round(min(cpu) / count * 1e6, 1),
        "median_us_per_node": round(sorted(ours)[rounds // 2] / count * 1e6, 1),
        "bare_us_per_node": round(min(theirs) / count * 1e6, 2),
        "nodes": count,
        "events": events,
        "compile_ms": round(compiled * 1e3, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    shapes = {
        "chain_100": chain(100),
        "fan_100": fan(100),
        "layered_10x10": layered(10, 10),
        "skipped_50": skipped(50),
        "chain_1000": chain(1_000),
    }
    measured = {name: measure(written, rounds) for name, written in shapes.items()}
    worst = max(result["us_per_node"] for result in measured.values())
    report = {
        "ratio_to_bare": {name: result["ratio_to_bare"] for name, result in measured.items()},
        "worst_us_per_node": worst,
        "target_us_per_node": TARGET_US,
        "aim_us_per_node": AIM_US,
        "within_target": worst <= TARGET_US,
        "shapes": measured,
    }
    print(json.dumps(report, indent=2))


LOOP = asyncio.new_event_loop()

if __name__ == "__main__":
    main()
    LOOP.close()
