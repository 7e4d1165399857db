"""The graphs that are measured, as documents of ours and as lists of edges for the peers."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import Any

from apps.workflows.engine.graph import Plan, compile_plan
from apps.workflows.engine.node import NodeContext, NodeResult, NodeType
from apps.workflows.engine.ports import Ports
from apps.workflows.nodes.registry import REGISTRY


class NoOp:
    """A node that does nothing, and gives one value."""

    async def run(self, _context: NodeContext) -> NodeResult:
        return NodeResult(outputs={"value": 1})


NO_OP = NodeType(name="noop", schema={}, compile=lambda _config: NoOp(), outputs=lambda _config: None)
NO_PORTS = Ports(**dict.fromkeys(field.name for field in fields(Ports)))  # type: ignore[arg-type]
Edge = tuple[str, str, str | None]


def planned(written: dict[str, Any], **more: NodeType) -> Plan:
    """The document compiled, with the nodes of the benchmark beside our own."""
    return compile_plan(written, registry={**REGISTRY, "noop": NO_OP, **more})


def document(names: list[str], edges: list[Edge], *, kind: str = "noop") -> dict[str, Any]:
    """A workflow of such nodes behind a start; a node called `if` never takes its case."""
    never = {"cases": [{"id": "never", "conditions": [{"left": "sys.query", "op": "is", "right": "x"}]}]}
    return {
        "app": {"name": "bench", "kind": "workflow"},
        "nodes": [
            {"id": "start", "type": "start"},
            *(
                {"id": "if", "type": "if-else", "config": never} if name == "if" else {"id": name, "type": kind}
                for name in names
            ),
        ],
        "edges": [{"from": source, "to": target, **({"when": when} if when else {})} for source, target, when in edges],
    }


def chain(count: int, *, kind: str = "noop") -> dict[str, Any]:
    """One after the other."""
    names = [f"n{i}" for i in range(count - 1)]
    return document(names, [(a, b, None) for a, b in itertools.pairwise(["start", *names])], kind=kind)


def fan(count: int) -> dict[str, Any]:
    """Side by side, then a join."""
    names = [f"n{i}" for i in range(count)]
    edges: list[Edge] = [("start", name, None) for name in names] + [(name, "join", None) for name in names]
    return document([*names, "join"], edges)


def layered(width: int, depth: int) -> dict[str, Any]:
    """Layers in which every node leads to every node of the next."""
    layers = [["start"], *([f"n{row}_{i}" for i in range(width)] for row in range(depth))]
    edges: list[Edge] = [
        (a, b, None) for upper, lower in itertools.pairwise(layers) for a, b in itertools.product(upper, lower)
    ]
    return document([name for layer in layers[1:] for name in layer], edges)


def skipped(count: int) -> dict[str, Any]:
    """A branch whose long side is not taken."""
    names = [f"n{i}" for i in range(count)]
    edges: list[Edge] = [("start", "if", None), ("if", "n0", "never"), ("if", "other", "else")]
    edges += [(a, b, None) for a, b in itertools.pairwise(names)]
    return document(["if", *names, "other", "last"], [*edges, ("other", "last", None)])


def nested(levels: int) -> dict[str, Any]:
    """Iterations inside each other, each over one item."""
    node: dict[str, Any] = {"id": "inmost", "type": "noop"}
    for level in range(levels):
        config = {"over": "inputs.items", "body": {"nodes": [node], "edges": []}}
        node = {"id": f"each{level}", "type": "iteration", "config": config}
    written = document([], [("start", node["id"], None)])
    written["nodes"].append(node)
    written["inputs"] = [{"name": "items", "default": [0]}]
    return written


def all_shapes(*, quick: bool) -> dict[str, dict[str, Any]]:
    """What every side runs, by name."""
    shapes = {
        "chain_100": chain(100),
        "fan_100": fan(100),
        "layered_10x10": layered(10, 10),
        "skipped_50": skipped(50),
        "chain_1000": chain(1_000),
    }
    return shapes if quick else {**shapes, "fan_1000": fan(1_000), "chain_10000": chain(10_000)}
