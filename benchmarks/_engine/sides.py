"""Three ways to run one plan in this process: the product, its scheduler alone, and a bare loop that counts edges."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from apps.workflows.engine.events import Event
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.runner import RunValues, execute
from apps.workflows.engine.scheduler import Scheduler
from benchmarks._engine.shapes import NO_PORTS

Side = Callable[[Plan], Coroutine[Any, Any, int]]


async def product(plan: Plan) -> int:
    """One run with values and all its events; the number of these."""
    events: list[Event] = []
    await execute(plan, run=RunValues(sys={"query": "q"}), ports=NO_PORTS, emit=events.append)
    return len(events)


async def scheduler(plan: Plan) -> int:
    """The scheduler with a coroutine for each node, and nothing else."""
    state = Scheduler(plan)
    todo = deque(state.start()[0])
    while todo:
        index = todo.popleft()
        await _no_op()
        todo.extend(state.done(index, "else" if plan.nodes[index].type == "if-else" else None)[0])
    return 0


async def bare(plan: Plan) -> int:
    """The same graph by a loop that only counts edges: no values but a list, no events, no failures."""
    left = list(plan.in_degree)
    live = [False] * len(left)
    values: list[Any] = [None] * len(left)
    todo = deque((index, True) for index, count in enumerate(left) if count == 0)
    while todo:
        index, runs = todo.popleft()
        chosen = "else" if plan.nodes[index].type == "if-else" else None
        if runs:
            values[index] = await _no_op()
        for target, handle in plan.ways_on[index]:
            left[target] -= 1
            live[target] = live[target] or (runs and handle == chosen)
            if left[target] == 0:
                todo.append((target, live[target]))
    return 0


async def _no_op() -> dict[str, int]:
    return {"value": 1}


def compared(plan: Plan, *, rounds: int) -> dict[str, Any]:
    """All sides on one plan, in turns; ratios and figures per node."""
    sides: dict[str, Side] = {"product": product, "scheduler": scheduler, "bare": bare}
    wall: dict[str, list[float]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    events = 0
    with asyncio.Runner() as runner:
        for side in sides.values():
            runner.run(side(plan))
        for _ in range(rounds):
            for name, side in sides.items():
                gc.collect()
                seconds, cpu_seconds, count = runner.run(_timed(side, plan))
                wall[name].append(seconds)
                cpu[name].append(cpu_seconds)
                events = max(events, count)
    nodes = len(plan.nodes)
    best = {name: min(times) for name, times in wall.items()}
    return {
        "product_to_bare": round(best["product"] / best["bare"], 1),
        "scheduler_to_bare": round(best["scheduler"] / best["bare"], 1),
        **{f"{name}_us_per_node": round(times / nodes * 1e6, 2) for name, times in best.items()},
        **{f"{name}_median_us": round(sorted(wall[name])[rounds // 2] / nodes * 1e6, 2) for name in sides},
        **{f"{name}_cpu_us": round(min(cpu[name]) / nodes * 1e6, 2) for name in sides},
        "nodes": nodes,
        "events": events,
    }


async def _timed(side: Side, plan: Plan) -> tuple[float, float, int]:
    began, cpu = time.perf_counter(), time.process_time()
    events = await side(plan)
    return time.perf_counter() - began, time.process_time() - cpu, events
