"""Whether what a run has done would be the same in another version of the document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from apps.workflows.engine.forking import steps_of
from apps.workflows.engine.past import Place

#: What a node is called and where it is drawn changes nothing in what it does.
_LOOKS: Final = frozenset({"title", "description"})
Graph = Mapping[str, Any]


def changed_nodes(old: Mapping[str, Any], new: Mapping[str, Any], places: Iterable[Place]) -> list[str]:
    """The ids of nodes that are not the same in both, or are led to in another way, and of containers around them.

    What a container does in its rounds counts only for those of its nodes that are among the places.
    """
    asked = set(places)
    around = {(step.outer, step.node_id) for frame, _ in asked for step in steps_of(frame)}
    changed = {
        node_id
        for frame, node_id in asked | around
        if _described(old, frame, node_id) != _described(new, frame, node_id)
    }
    return sorted(changed)


def _described(document: Mapping[str, Any], frame: str, node_id: str) -> Any:
    """All that decides what a node does; None where it is not, as in a workflow that is called."""
    graph = _graph(document, frame)
    node = _node(graph, node_id) if graph is not None else None
    if graph is None or node is None:
        return None
    config = {name: value for name, value in (node.get("config") or {}).items() if name != "body"}
    own = {name: value for name, value in node.items() if name not in _LOOKS and name != "config"}
    ways = sorted((edge["from"], edge.get("when") or "") for edge in graph.get("edges") or () if edge["to"] == node_id)
    return _without_notes({**own, "config": config, "ways": ways})


def _graph(document: Mapping[str, Any], frame: str) -> Graph | None:
    graph: Graph | None = document
    for step in steps_of(frame):
        node = None if graph is None else _node(graph, step.node_id)
        graph = None if node is None else (node.get("config") or {}).get("body")
    return graph


def _node(graph: Graph, node_id: str) -> Mapping[str, Any] | None:
    return next((node for node in graph["nodes"] if node["id"] == node_id), None)


def _without_notes(described: dict[str, Any]) -> dict[str, Any]:
    """The same without what others have noted in it."""
    return {
        name: _without_notes(value) if isinstance(value, dict) else value
        for name, value in described.items()
        if not name.startswith("x-")
    }
