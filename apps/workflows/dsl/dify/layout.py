"""Where nodes lie on the canvas that have no place yet: columns by how far they are from the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.workflows.dsl.dify.reading import list_at, object_at, text_at

_COLUMN: Final = 304
_ROW: Final = 160


def positions(document: Mapping[str, Any]) -> dict[str, list[float]]:
    """The place of every node, in containers too."""
    placed: dict[str, list[float]] = {}
    graphs: list[Mapping[str, Any]] = [document]
    while graphs:
        graph = graphs.pop()
        nodes = [node for node in list_at(graph, "nodes") if isinstance(node, dict)]
        placed |= _columns(nodes, list_at(graph, "edges"))
        graphs.extend(object_at(node, "config", "body") for node in nodes)
    canvas = object_at(document, "canvas")
    return placed | {name: place for name, place in canvas.items() if isinstance(place, list) and len(place) == 2}


def _columns(nodes: list[dict[str, Any]], edges: list[Any]) -> dict[str, list[float]]:
    ways_on: dict[str, list[str]] = {text_at(node, "id"): [] for node in nodes}
    left = dict.fromkeys(ways_on, 0)
    for edge in edges:
        source, target = text_at(edge, "from"), text_at(edge, "to")
        if source in ways_on and target in left:
            ways_on[source].append(target)
            left[target] += 1
    column = dict.fromkeys(ways_on, 0)
    ready = [name for name, count in left.items() if count == 0]
    for name in ready:  # grows while it is walked
        for target in ways_on[name]:
            column[target] = max(column[target], column[name] + 1)
            left[target] -= 1
            if left[target] == 0:
                ready.append(target)
    rows: dict[int, int] = {}
    placed: dict[str, list[float]] = {}
    for name, at in column.items():
        placed[name] = [80 + at * _COLUMN, 282 + rows.setdefault(at, 0) * _ROW]
        rows[at] += 1
    return placed
