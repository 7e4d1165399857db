"""Dify's edges as ours: handles become ways on, and what is never taken is put aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.frame import KEPT
from apps.workflows.dsl.dify.nodes.asking import class_ids
from apps.workflows.dsl.dify.nodes.branching import case_ids
from apps.workflows.dsl.dify.reading import list_at, text_at
from apps.workflows.dsl.dify.sorting import Way
from apps.workflows.dsl.dify.state import Importing


def read_edges(container: str, members: set[str], made: Importing) -> list[dict[str, Any]]:
    """The edges of one graph; those that are never taken, or there already, are put aside."""
    edges: list[dict[str, Any]] = []
    seen: set[tuple[str, str, str]] = set()
    for way in made.ways_in.get(container, ()):
        if way.source not in members or way.target not in members:
            continue
        edge = _read_edge(way, made)
        key = ("", "", "") if edge is None else (edge["from"], edge["to"], edge.get("when", ""))
        if edge is None or key in seen:
            made.sorted.aside_edges.append(way.raw)
            continue
        seen.add(key)
        edges.append(edge)
        made.ways[id(edge)] = (edge, way)
    return edges


def put_edge_aside(edge: dict[str, Any], made: Importing) -> None:
    """Keep what an edge of ours was made of, which repair takes away."""
    if id(edge) in made.ways:
        made.sorted.aside_edges.append(made.ways[id(edge)][1].raw)


def _read_edge(way: Way, made: Importing) -> dict[str, Any] | None:
    source, target = made.sorted.found[way.source], made.sorted.found[way.target]
    edge = {"from": source.known.id, "to": target.known.id}
    if target.known.type == "start":
        made.reading.warn(way.path, "edge_into_start", _("Nothing leads to a start node; the edge is put aside."))
        return None
    kind, fails = source.known.type, source.data.get("error_strategy") == "fail-branch"
    if way.handle == "fail-branch" and fails:
        return {**edge, "when": "error"}
    handles = None if source.known.id in made.given_up else _handles(kind, source.data)
    if handles is None:
        if way.handle == "fail-branch":
            made.reading.warn(way.path, "unused_edge", _("The node has no way on for failures; the edge is put aside."))
            return None
        return edge if way.handle == "source" else {**edge, KEPT: {"handle": way.handle}}
    if way.handle in handles:
        return {**edge, "when": handles[way.handle]}
    made.reading.warn(
        way.path, "unused_edge", _("The node never goes on by %s; the edge is put aside.") % way.handle[:60]
    )
    return None


def _handles(kind: str, data: Mapping[str, Any]) -> dict[str, str] | None:
    """Dify's handles -> our ways on, for the nodes that choose one."""
    if kind == "if-else":
        return {"false": "else", **dict(case_ids(data))}
    if kind == "question-classifier":
        return dict(class_ids(data))
    if kind == "human-input":
        actions = [text_at(one, "id") for one in list_at(data, "user_actions")]
        return {"__timeout": "timeout", **{action: action for action in actions}}
    return None
