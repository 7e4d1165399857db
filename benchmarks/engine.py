"""What the engine costs: per node, per run, when it waits and stops, and at its extremes; beside others.

    python benchmarks/engine.py [--quick] [--rounds 20] [--peers .bench-peers]

Prints JSON, ratios first. All sides run the same no-op nodes with the same priority: the product with values and its
full event stream, its scheduler alone, a bare asyncio loop that counts edges (in turns, in this process), and langgraph
and graphon in virtual environments of their own (`make bench-peers`). The best of all rounds counts; medians and CPU
time are beside it. It starts its own PostgreSQL and Redis for the figures that need them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
# A child that imports the engine finds it where we do.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
NO_PEER = "not measured: make bench-peers"
NO_GRAPHON = "not measured: make bench-peers (it wants Python 3.12 or 3.13)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller graphs")
    parser.add_argument("--peers", type=Path, default=ROOT / ".bench-peers")
    options = parser.parse_args()
    rounds = 5 if options.quick else options.rounds
    priority = _hurry()
    print(json.dumps(report(rounds, quick=options.quick, peers=options.peers, priority=priority), indent=2))


def report(rounds: int, *, quick: bool, peers: Path, priority: str) -> dict[str, Any]:
    """All figures."""
    from benchmarks._engine.extremes import extremes, import_time, memory
    from benchmarks._engine.shapes import all_shapes, planned
    from benchmarks._engine.sides import compared
    from benchmarks._engine.waiting import fifty, retry_beside_siblings, without_log

    shapes = all_shapes(quick=quick)
    measured = {name: compared(planned(written), rounds=rounds) for name, written in shapes.items()}
    langgraph, graphon = (_peer(name, shapes, peers, rounds=rounds) for name in ("langgraph", "graphon"))
    runs = asyncio.run(fifty(without_log, rounds=rounds, acts=False))
    waiting = {"fifty_runs": {**runs, "target": 1.1}, "retry": asyncio.run(retry_beside_siblings())}
    waiting |= _installed(rounds=rounds, stops=5 if quick else 20)
    worst = max(each["product_us_per_node"] for each in measured.values())
    met = all(each["scheduler_to_bare"] <= 15 for each in measured.values())
    chains = [each["product_us_per_node"] for name, each in measured.items() if name.startswith("chain")]
    return {
        "ratios": {
            "langgraph_to_product": _ratios(langgraph.get("shapes", {}), measured) or NO_PEER,
            "graphon_to_product": _ratios(graphon.get("shapes", {}), measured) or NO_GRAPHON,
            "graphon_template_to_product": _ratios(graphon.get("template_shapes", {}), measured) or NO_GRAPHON,
            "scheduler_to_bare": {name: each["scheduler_to_bare"] for name, each in measured.items()},
            "product_to_bare": {name: each["product_to_bare"] for name, each in measured.items()},
            "fifty_runs_to_ideal": runs["best_to_ideal"],
            "fifty_runs_acknowledged_to_ideal": waiting["fifty_runs_acknowledged"]["best_to_ideal"],
            "longest_chain_to_shortest": round(chains[-1] / chains[0], 2),
        },
        "targets": {
            "product_us_per_node": {"worst": worst, "at_most": 50, "met": worst <= 50},
            "scheduler_to_bare": {
                "at_most": 15,
                "met": met,
            },
        },
        "shapes": measured,
        "langgraph": langgraph or NO_PEER,
        "graphon": graphon or NO_GRAPHON,
        "waiting": waiting,
        "extremes": extremes(),
        "memory_of_1000_nodes": memory(),
        "import": import_time(rounds=max(5, rounds // 2)),
        "machine": {
            "cpus": os.cpu_count(),
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "load": [round(each, 2) for each in os.getloadavg()],
            "priority": priority,
            "rounds": rounds,
        },
    }


def _hurry() -> str:
    """Go before others on a shared machine, if that is allowed; children inherit it, so all sides do."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except PermissionError:
        return "as everybody"
    return "chrt -f 50"


def _ratios(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, float]:
    return {name: round(each["us_per_node"] / ours[name]["product_us_per_node"], 1) for name, each in theirs.items()}


def _peer(peer: str, shapes: dict[str, Any], peers: Path, *, rounds: int) -> dict[str, Any]:
    """What another engine needs for the same shapes; nothing where it is not installed."""
    python = peers / peer / "bin" / "python"
    if not python.exists():
        return {}
    asked = {
        name: {
            "nodes": [node["id"] for node in written["nodes"]],
            "edges": [[edge["from"], edge["to"], edge.get("when")] for edge in written["edges"]],
        }
        for name, written in shapes.items()
        if len(written["nodes"]) <= 1_000  # beyond, building its graph takes minutes
    }
    script = ROOT / "benchmarks" / "_engine" / f"peer_{peer}.py"
    done = subprocess.run(
        [python, script],
        input=json.dumps({"rounds": rounds, "shapes": asked}),
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _installed(*, rounds: int, stops: int) -> dict[str, Any]:
    """The figures that need what an installation has."""
    # With the connection pool of a running installation, which the settings of the tests leave out.
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.dev"
    from tests import services
    from tests.model_runtime.openai_server import OpenAIServer

    with OpenAIServer().in_thread() as server:
        services.pytest_load_initial_conftests()
        try:
            import django

            django.setup()
            from benchmarks._engine.installed import figures

            return figures(server, rounds=rounds, stops=stops)
        finally:
            services.pytest_unconfigure()


if __name__ == "__main__":
    main()
