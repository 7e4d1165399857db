"""What a run may look like without hurting: very wide, very deep, very much skipped; memory and import time."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

from apps.workflows.engine.events import Event
from apps.workflows.engine.runner import RunValues, execute
from benchmarks._engine.shapes import NO_PORTS, chain, fan, nested, planned, skipped

ROOT = Path(__file__).resolve().parents[2]
_IMPORT = """
import time
began = time.perf_counter()
import apps.workflows.engine.runner
print(time.perf_counter() - began)
"""


def extremes() -> dict[str, Any]:
    """Each must end well; how long it took."""
    shapes = {
        "skipped_10000": planned(skipped(10_000)),
        "join_1000_wide": planned(fan(1_000)),
        "nested_100_levels": planned(nested(100)),
    }
    figures = {}
    for name, plan in shapes.items():
        began = time.perf_counter()
        events: list[Event] = []
        run = RunValues(sys={"query": "q"})
        finished = asyncio.run(execute(plan, run=run, ports=NO_PORTS, emit=events.append))
        figures[name] = {
            "status": finished.status,
            "ms": round((time.perf_counter() - began) * 1e3, 1),
            "events": len(events),
        }
    return figures


def memory() -> dict[str, Any]:
    """The most that a run of 1,000 nodes holds, its events kept and not kept."""
    plan = planned(chain(1_000))
    return {
        "kept_events_kb": _peak(plan, keep=True),
        "run_alone_kb": _peak(plan, keep=False),
        "target_kb": 1_024,
    }


def _peak(plan: Any, *, keep: bool) -> int:
    events: list[Event] = []
    asyncio.run(execute(plan, run=RunValues(), ports=NO_PORTS, emit=lambda _event: None))
    tracemalloc.start()
    asyncio.run(execute(plan, run=RunValues(), ports=NO_PORTS, emit=events.append if keep else lambda _event: None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(peak / 1024)


def import_time(*, rounds: int) -> dict[str, Any]:
    """Importing the engine in a fresh interpreter."""
    took = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True, cwd=ROOT)
        took.append(float(done.stdout))
    return {
        "best_ms": round(min(took) * 1e3, 1),
        "median_ms": round(statistics.median(took) * 1e3, 1),
        "target_ms": 150,
    }
