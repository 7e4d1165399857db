"""The same shapes with graphon, Dify's engine, in a virtual environment of its own (`make bench-peers`; Python 3.12).

Reads what peer_langgraph.py reads and prints figures per node, twice: with nodes of our own that do nothing, put
together by `Graph.new()`, and with its template node and a constant text, loaded by `graphon.dsl.loads`. It binds a
graph to one run, so each round builds one; what that takes stands beside the figures and not in them.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from graphon.dsl import loads
from graphon.engine import Engine
from graphon.engine_events import GraphRunSucceededEvent
from graphon.entities.base_node_data import BaseNodeData
from graphon.enums import NodeExecutionType, WorkflowNodeExecutionStatus
from graphon.graph import Graph
from graphon.node_events import NodeRunResult
from graphon.nodes.base.node import Node
from graphon.runtime import InitParams, RuntimeState, VariablePool

SUCCEEDED = WorkflowNodeExecutionStatus.SUCCEEDED
#: What an if-else node of graphon calls its other way.
ELSE = "false"


class BenchData(BaseNodeData):
    """Nothing to configure."""

    type: str = "bench-noop"


class NoOp(Node[BenchData]):
    """Gives one value."""

    node_type = "bench-noop"

    @classmethod
    def version(cls) -> str:
        return "1"

    def _run(self) -> NodeRunResult:
        return NodeRunResult(status=SUCCEEDED, outputs={"value": 1})


class Root(NoOp):
    """Where a graph begins."""

    node_type = "bench-root"
    execution_type = NodeExecutionType.ROOT


class Branch(NoOp):
    """Never takes its case."""

    node_type = "bench-branch"
    execution_type = NodeExecutionType.BRANCH

    def _run(self) -> NodeRunResult:
        return NodeRunResult(status=SUCCEEDED, outputs={}, edge_source_handle=ELSE)


def with_no_ops(shape: dict[str, Any]) -> Engine:
    """An engine over nodes that do nothing."""
    state = RuntimeState(variable_pool=VariablePool(), start_at=time.time(), workflow_id="bench")
    params = InitParams(workflow_id="bench", graph_config={"nodes": [], "edges": []}, run_context={}, call_depth=0)

    def node(name: str) -> NoOp:
        kind = {"start": Root, "if": Branch}.get(name, NoOp)
        return kind(name, BenchData(title=name, type=kind.node_type), init_params=params, runtime_state=state)

    building = Graph.new().add_root(node(shape["nodes"][0]))
    known = {shape["nodes"][0]}
    for source, target, when in _in_order(shape):
        handle = _handle(when)
        if target in known:
            building.connect(tail=source, head=target, source_handle=handle)
        else:
            building.add_node(node(target), from_node_id=source, source_handle=handle)
            known.add(target)
    return Engine(graph=building.build(), runtime_state=state)


def with_templates(shape: dict[str, Any]) -> Engine:
    """An engine over template nodes with a constant text."""
    nodes = [{"id": name, "data": _data(name)} for name in shape["nodes"]]
    edges = [
        {"id": f"e{number}", "source": source, "target": target, "sourceHandle": _handle(when)}
        for number, (source, target, when) in enumerate(shape["edges"])
    ]
    document = {"kind": "graph", "graph": {"nodes": nodes, "edges": edges}}
    return loads(json.dumps(document), start_inputs={"query": "q"})


def _data(name: str) -> dict[str, Any]:
    if name == "start":
        return {"type": "start", "title": name, "variables": []}
    if name == "if":
        condition = {"comparison_operator": "is", "variable_selector": ["start", "query"], "value": "x"}
        case = {"case_id": "never", "logical_operator": "and", "conditions": [condition]}
        return {"type": "if-else", "title": name, "cases": [case]}
    return {"type": "template-transform", "title": name, "template": "constant", "variables": []}


def _handle(when: str | None) -> str:
    return "source" if when is None else ELSE if when == "else" else when


def _in_order(shape: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """The edges such that each one's source is known before it."""
    place = {name: number for number, name in enumerate(shape["nodes"])}
    return sorted(shape["edges"], key=lambda edge: place[edge[0]])


def measured(shape: dict[str, Any], build: Callable[[dict[str, Any]], Engine], rounds: int) -> dict[str, Any]:
    """One round to warm up, then so many that count."""
    wall, cpu, built = [], [], []
    for number in range(rounds + 1):
        gc.collect()
        building = time.perf_counter()
        engine = build(shape)
        began, cpu_began = time.perf_counter(), time.process_time()
        events = list(engine.run())
        took, cpu_took = time.perf_counter() - began, time.process_time() - cpu_began
        if not isinstance(events[-1], GraphRunSucceededEvent):
            raise SystemExit(f"graphon did not run the graph: {events[-1]}")
        if number:
            wall.append(took)
            cpu.append(cpu_took)
            built.append(began - building)
    count = len(shape["nodes"])
    return {
        "us_per_node": round(min(wall) / count * 1e6, 1),
        "median_us": round(sorted(wall)[rounds // 2] / count * 1e6, 1),
        "cpu_us": round(min(cpu) / count * 1e6, 1),
        "build_ms_every_run": round(min(built) * 1e3, 1),
    }


def main() -> None:
    asked = json.load(sys.stdin)
    rounds = max(3, asked["rounds"] // 2)
    figures: dict[str, Any] = {"version": importlib.metadata.version("graphon"), "rounds": rounds}
    for name, build in (("shapes", with_no_ops), ("template_shapes", with_templates)):
        figures[name] = {shape: measured(given, build, rounds) for shape, given in asked["shapes"].items()}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
