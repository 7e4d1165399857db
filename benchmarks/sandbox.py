"""What the sandbox costs: a run beside a cold interpreter, each layer, many clients, many runs, memory, computing.

    python benchmarks/sandbox.py [--rounds 60] [--quick] [--realtime]

Prints JSON, ratios first. Every peer is measured in the same minutes, in turns with ours, and medians count. Isolation
is that of the best mode this user can have: run it as root and as an ordinary user. The sidecar and its clients share
the machine, so that whatever else runs on it counts against the sandbox as much as against its peers, and more where
two processes have to take turns. With `--realtime` (as root) all of it, the peers too, goes ahead of the neighbours.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from _sandbox.compute import compute_heavy  # noqa: E402
from _sandbox.endurance import leftovers, throughput  # noqa: E402
from _sandbox.isolation import isolation_cost  # noqa: E402
from _sandbox.latency import floor_of_http, javascript_latency, python_latency, template_latency  # noqa: E402
from _sandbox.memory import idle_memory  # noqa: E402
from _sandbox.sidecar import PYTHON, sidecar  # noqa: E402

TARGETS = {
    "python_median_ratio": 0.1,
    "python_p95_ratio": 0.25,
    "javascript_median_ratio": 0.1,
    "isolation_ms": 1.0,
    "runs_per_second": 100.0,
    "zombies": 0,
    "descriptors_growth": 0,
    "rss_growth_kb": 2048,
    "idle_private_mb": 60.0,
    "compute_ratio": 1.05,
}
AT_LEAST = {"runs_per_second"}
DIFY = (
    "dify-sandbox itself is not run here: building it takes Go and libseccomp. It starts a cold interpreter for each "
    "request, so `python3 -I -S -c pass` and `node -e ''` above are the part of its cost that it cannot go below."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=2_000, help="after which nothing may be left behind")
    parser.add_argument("--quick", action="store_true", help="a look, not a measurement")
    parser.add_argument("--realtime", action="store_true", help="ahead of everything else on this machine; needs root")
    asked = parser.parse_args()
    if asked.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    rounds, runs = (8, 200) if asked.quick else (asked.rounds, asked.runs)
    sections = measure(rounds=rounds, runs=runs, seconds=1.0 if asked.quick else 5.0)
    print(json.dumps(report(sections), indent=2))


def measure(*, rounds: int, runs: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Every section, one after the other."""
    sections: dict[str, dict[str, Any]] = {"machine": machine()}
    with sidecar() as whole:
        sections["machine"]["mode"] = whole.client.health()["mode"]
        sections["http_alone_ms"] = floor_of_http(whole.client, rounds=500)
        sections["python"] = python_latency(whole, rounds=rounds)
        sections["javascript"] = javascript_latency(whole, rounds=max(8, rounds // 2))
        sections["template"] = template_latency(whole, rounds=max(8, rounds // 2))
        sections["compute"] = compute_heavy(whole, rounds=max(9, rounds // 2))
        sections["throughput"] = throughput(whole, clients=8, seconds=seconds, repetitions=3)
        sections["leftovers"] = where_allowed(partial(leftovers, whole, runs=runs))
    sections["idle"] = where_allowed(idle_memory)
    sections["isolation"] = isolation_cost(rounds=rounds)
    sections["machine"]["load_average_after"] = round(os.getloadavg()[0], 2)
    return sections


def where_allowed(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Look into the sidecar's processes; it keeps its own user out of them, so this is for root."""
    try:
        return look()
    except PermissionError as problem:
        return {"not_measured": f"only root can look into the sidecar's processes ({problem})"}


def report(sections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ratios first, then which targets are met, then everything."""
    figures = {
        "python_median_ratio": sections["python"]["median_ratio_to_cold"],
        "python_p95_ratio": sections["python"]["p95_ratio_to_cold"],
        "javascript_median_ratio": sections["javascript"].get("median_ratio_to_cold"),
        "isolation_ms": sections["isolation"]["all_layers_ms"],
        "runs_per_second": sections["throughput"]["runs_per_second"],
        "zombies": sections["leftovers"].get("zombies"),
        "descriptors_growth": sections["leftovers"].get("descriptors_growth"),
        "rss_growth_kb": sections["leftovers"].get("rss_growth_kb"),
        "idle_private_mb": sections["idle"].get("private_mb"),
        "compute_ratio": sections["compute"]["wall_ratio"],
    }
    missed = [name for name, value in figures.items() if value is not None and not met(name, value)]
    return {**figures, "targets": TARGETS, "missed": missed, "dify_sandbox": DIFY, **sections}


def met(name: str, value: float) -> bool:
    """Whether a figure is on the right side of its target."""
    return value >= TARGETS[name] if name in AT_LEAST else value <= TARGETS[name]


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "kernel": os.uname().release,
        "python": sys.version.split()[0],
        "interpreter": PYTHON,
        "realtime": os.sched_getscheduler(0) == os.SCHED_RR,
        "load_average_before": round(os.getloadavg()[0], 2),
    }


if __name__ == "__main__":
    main()
