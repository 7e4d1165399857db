"""Runs that wait: many at once, a retry beside others, and how soon a stop is seen."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Event, NodeSucceeded, RunFinished
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.runner import RunValues, execute
from benchmarks._engine.shapes import NO_PORTS, chain, document, planned

RUNS, STEPS, NAP = 50, 10, 0.020
RunOne = Callable[[Plan], Awaitable[None]]


class Nap:
    """Waits as for somebody else's answer; with `acts` it announces that first, and waits for the log."""

    def __init__(self, *, acts: bool) -> None:
        self._acts = acts

    async def run(self, context: NodeContext) -> NodeResult:
        if self._acts:
            await context.world.intend()
        await asyncio.sleep(NAP)
        return NodeResult(outputs={"value": 1})


def _naps(*, acts: bool) -> Callable[[Config], Nap]:
    return lambda _config: Nap(acts=acts)


NAPS = NodeType(name="nap", schema={}, compile=_naps(acts=False), outputs=lambda _config: None)
ACTS = NodeType(name="nap", schema={}, compile=_naps(acts=True), outputs=lambda _config: None)


async def fifty(run_one: RunOne, *, rounds: int, acts: bool) -> dict[str, Any]:
    """Fifty runs of ten steps at once, again and again; ratios to the time that nobody can beat."""
    plan = planned(chain(STEPS + 1, kind="nap"), nap=ACTS if acts else NAPS)
    ideal = STEPS * NAP
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await asyncio.gather(*(run_one(plan) for _ in range(RUNS)))
        took.append(time.perf_counter() - began)
    return {
        "best_to_ideal": round(min(took) / ideal, 3),
        "median_to_ideal": round(statistics.median(took) / ideal, 3),
        "best_ms": round(min(took) * 1e3, 1),
        "median_ms": round(statistics.median(took) * 1e3, 1),
        "ideal_ms": ideal * 1e3,
    }


async def without_log(plan: Plan) -> None:
    """One run whose events go nowhere."""
    events: list[Event] = []
    await execute(plan, run=RunValues(), ports=NO_PORTS, emit=events.append)


def with_log(run_ids: list[UUID]) -> RunOne:
    """Runs over the durable log, each in one of these rows, acknowledged before every act and at the end."""
    from apps.workflows.adapters.run_log import RunLog
    from apps.workflows.services.finish_run import ending_of

    async def run(plan: Plan) -> None:
        log = RunLog(run_ids.pop(), epoch=1, notify=lambda _seq, _event: None, with_node_text=True)
        ends: list[RunFinished] = []

        def emit(event: Event) -> None:
            if isinstance(event, RunFinished):
                ends.append(event)
            else:
                log.emit(event)

        await execute(plan, run=RunValues(), ports=NO_PORTS, emit=emit, durable=log.durable)
        await log.finish(ends[0], ending_of)

    return run


class Failing:
    """Fails once in a way that deserves another try."""

    def __init__(self, _config: Config) -> None:
        self._failed = False

    async def run(self, _context: NodeContext) -> NodeResult:
        self._failed = not self._failed
        if self._failed:
            raise NodeFailure("later", "not yet", retryable=True)
        return NodeResult(outputs={})


async def retry_beside_siblings() -> dict[str, Any]:
    """How much later the last of three siblings ends because a node waits a second for its next try."""
    failing = NodeType(name="failing", schema={}, compile=Failing, outputs=lambda _config: None)
    written = document(["b", "c", "d"], [("start", "b", None), ("b", "c", None), ("c", "d", None)], kind="nap")
    alone = await _end_of("d", planned(written, nap=NAPS))
    retry = {"retry": {"times": 1, "first": "1s", "backoff": "fixed"}}
    written["nodes"].append({"id": "a", "type": "failing", "on_error": retry})
    written["edges"].append({"from": "start", "to": "a"})
    beside = await _end_of("d", planned(written, nap=NAPS, failing=failing))
    return {"delay_ms": round((beside - alone) * 1e3, 2), "alone_ms": round(alone * 1e3, 1), "target_ms": 0}


async def _end_of(name: str, plan: Plan) -> float:
    ends: dict[str, float] = {}

    def emit(event: Event) -> None:
        if isinstance(event, NodeSucceeded):
            ends[event.node_id] = time.perf_counter()

    began = time.perf_counter()
    await execute(plan, run=RunValues(), ports=NO_PORTS, emit=emit)
    return ends[name] - began


async def stop_seen(
    written: dict[str, Any], ports: Ports, *, at_work: Callable[[Event], bool], times: int
) -> dict[str, Any]:
    """From asking for the stop, while the node is at work, to the last event."""
    plan = planned(written)
    took = []
    for _ in range(times):
        stop, busy = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(
            execute(
                plan,
                run=RunValues(sys={"query": "q"}),
                ports=ports,
                emit=lambda event, busy=busy: busy.set() if at_work(event) else None,
                stop=stop,
            )
        )
        await asyncio.wait_for(busy.wait(), 20)
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        stop.set()
        finished = await task
        took.append(time.perf_counter() - began)
        if finished.status != "stopped":
            raise SystemExit(f"The node was not at work when it was to be stopped: {finished}")
    return {"worst_ms": round(max(took) * 1e3, 2), "median_ms": round(statistics.median(took) * 1e3, 2)}
