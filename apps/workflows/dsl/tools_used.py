"""Which tools a document uses, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.workflows.dsl.outline import Place
from apps.workflows.dsl.problems import pointer
from apps.workflows.nodes.registry import REGISTRY

Node = Mapping[str, Any]


def all_nodes(document: Mapping[str, Any]) -> Iterator[tuple[Place, Node]]:
    """Every node of a valid document with its place, those in containers too."""
    waiting: list[tuple[Place, Mapping[str, Any]]] = [((), document)]
    while waiting:
        at, graph = waiting.pop()
        for number, node in enumerate(graph["nodes"]):
            place = (*at, "nodes", number)
            yield place, node
            if body := body_of(node):
                waiting.append(((*place, "config", "body"), body))


def body_of(node: Any) -> Mapping[str, Any] | None:
    """The graph inside a container, whatever the node looks like."""
    kind = REGISTRY.get(node["type"]) if isinstance(node, dict) and isinstance(node.get("type"), str) else None
    config = node.get("config") if kind is not None and kind.container else None
    body = config.get("body") if isinstance(config, dict) else None
    return body if isinstance(body, dict) else None


def tools_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Node]]:
    """The path, name and node of every tool in a valid document; an agent goes without those that are switched off."""
    for at, node in all_nodes(document):
        config = node.get("config") or {}
        if node["type"] == "tool":
            yield pointer(*at, "config", "tool"), config["tool"], node
        elif node["type"] == "agent":
            for number, lent in enumerate(config.get("tools", ())):
                if lent.get("enabled", True):
                    yield pointer(*at, "config", "tools", number, "tool"), lent["tool"], node
