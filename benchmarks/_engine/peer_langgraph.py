"""The same shapes with langgraph, in a virtual environment of its own (`make bench-peers`).

Reads {"rounds": n, "shapes": {name: {"nodes": [...], "edges": [[from, to, when], ...]}}} and prints figures per node.
State is one number, nodes do nothing, joins wait for all (for any, where something may be skipped), no checkpoints.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import sys
import time
from collections import defaultdict
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    value: int


def built(shape: dict[str, Any]) -> Any:
    """The compiled graph."""
    graph = StateGraph(State)
    for name in shape["nodes"]:
        graph.add_node(name, lambda _state: None)
    graph.add_edge(START, shape["nodes"][0])
    into: dict[str, list[str]] = defaultdict(list)
    out: dict[str, list[str]] = defaultdict(list)
    branches = any(when for _, _, when in shape["edges"])
    for source, target, when in shape["edges"]:
        out[source].append(target)
        if when is None:
            into[target].append(source)
    for target, sources in into.items():
        if len(sources) == 1 or branches:
            for source in sources:
                graph.add_edge(source, target)
        else:
            graph.add_edge(sources, target)
    if branches:
        taken = next(target for source, target, when in shape["edges"] if when == "else")
        others = [target for source, target, when in shape["edges"] if when]
        graph.add_conditional_edges("if", lambda _state: taken, others)
    for name in shape["nodes"]:
        if not out[name]:
            graph.add_edge(name, END)
    return graph.compile()


def measured(shape: dict[str, Any], rounds: int) -> dict[str, Any]:
    graph = built(shape)
    config = {"recursion_limit": 100_000}
    graph.invoke({"value": 1}, config)
    wall, cpu = [], []
    for _ in range(rounds):
        gc.collect()
        began, cpu_began = time.perf_counter(), time.process_time()
        graph.invoke({"value": 1}, config)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - cpu_began)
    count = len(shape["nodes"])
    return {
        "us_per_node": round(min(wall) / count * 1e6, 1),
        "median_us": round(sorted(wall)[rounds // 2] / count * 1e6, 1),
        "cpu_us": round(min(cpu) / count * 1e6, 1),
    }


def main() -> None:
    asked = json.load(sys.stdin)
    figures = {name: measured(shape, asked["rounds"]) for name, shape in asked["shapes"].items()}
    print(json.dumps({"version": importlib.metadata.version("langgraph"), "shapes": figures}))


if __name__ == "__main__":
    main()
