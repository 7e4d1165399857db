"""Rules about nodes and edges: ids, types, ways on, circles, and what a kind of app must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.circles import circles
from apps.workflows.dsl.outline import Outline, OutlineEdge, Place, list_at
from apps.workflows.dsl.problems import Problem
from apps.workflows.engine.policy import ERROR_HANDLE
from apps.workflows.engine.variables import RESERVED_IDS
from apps.workflows.nodes.registry import REGISTRY


def check_graph(document: Mapping[str, Any], graph: Outline) -> Iterator[Problem]:
    """All rules, over whatever of the graph and of those inside its containers is sound."""
    seen: dict[str, str] = {}
    yield from _check_kind(graph)
    for part in graph.all():
        written = _written(document, part.at)
        yield from _check_ids(written, part, seen)
        yield from _check_types(written, part)
        yield from _check_place(part)
        yield from _check_ends(written, part)
        yield from _check_handles(part)
        yield from _check_circles(part)
    yield from _check_reach(graph)


def _written(document: Any, at: Place) -> Mapping[str, Any]:
    for step in at:
        document = document[step]
    found: Mapping[str, Any] = document
    return found


def _check_ids(document: Mapping[str, Any], graph: Outline, seen: dict[str, str]) -> Iterator[Problem]:
    for place, node in enumerate(list_at(document, "nodes")):
        name = node.get("id") if isinstance(node, dict) else None
        if not isinstance(name, str):
            continue
        path = graph.pointer("nodes", place, "id")
        if name in RESERVED_IDS:
            message = _("%s is a reserved word.") % name
            yield Problem(path=path, code="reserved_name", message=message)
        if seen.setdefault(name, path) != path:
            message = _("Another node has this id already: %(id)s (%(place)s).")
            message %= {"place": seen[name].removesuffix("/id"), "id": name[:64]}
            yield Problem(path=path, code="duplicate_id", message=message)


def _check_types(document: Mapping[str, Any], graph: Outline) -> Iterator[Problem]:
    for place, node in enumerate(list_at(document, "nodes")):
        name = node.get("type") if isinstance(node, dict) else None
        if not isinstance(name, str) or name in REGISTRY:
            continue
        path = graph.pointer("nodes", place, "type")
        message = _("There is no node type %(type)s. The types are: %(types)s.") % {
            "type": repr(name[:60]),
            "types": ", ".join(sorted(REGISTRY)),
        }
        yield Problem(path=path, code="unknown_node_type", message=message)


def _check_place(graph: Outline) -> Iterator[Problem]:
    """Runs begin and end outside of containers; a loop-end ends a loop."""
    inside = None if graph.outer is None else graph.outer.nodes[graph.container].type_name
    for node in graph.written:
        path = graph.pointer("nodes", node.place, "type")
        if inside is not None and (node.type_name == "end" or (node.type is not None and node.type.entry)):
            message = _("A node of type %s cannot stand inside a container.") % node.type_name
            yield Problem(path=path, code="wrong_place", message=message)
        if node.type_name == "loop-end" and inside != "loop":
            yield Problem(path=path, code="wrong_place", message=_("A loop-end stands in the body of a loop."))


def _check_kind(graph: Outline) -> Iterator[Problem]:
    places: dict[str, list[str]] = {}
    for part in graph.all():
        for node in part.written:
            places.setdefault(node.type_name, []).append(part.pointer("nodes", node.place))
    if not any(name in REGISTRY and REGISTRY[name].entry for name in places):
        yield Problem(path="/nodes", code="missing_start", message=_("There is no start node."))
    for place in places.get("start", ())[1:]:
        message = _("There is more than one start node.")
        yield Problem(path=place, code="duplicate_start", message=message)
    if graph.kind == "chat":
        if "answer" not in places:
            message = _("A chat needs an answer node.")
            yield Problem(path="/nodes", code="missing_answer", message=message)
        message = _("A chat has answer nodes, no end nodes.")
        yield from _misplaced(places.get("end", ()), message)
    if graph.kind == "workflow":
        if "end" not in places:
            yield Problem(path="/nodes", code="missing_end", message=_("A workflow needs an end node."))
        message = _("A workflow has end nodes, no answer nodes.")
        yield from _misplaced(places.get("answer", ()), message)


def _misplaced(places: Any, message: str) -> Iterator[Problem]:
    for place in places:
        yield Problem(path=f"{place}/type", code="wrong_for_kind", message=message)


def _check_ends(document: Mapping[str, Any], graph: Outline) -> Iterator[Problem]:
    for place, edge in enumerate(list_at(document, "edges")):
        if not isinstance(edge, dict):
            continue
        for key in ("from", "to"):
            name = edge.get(key)
            if isinstance(name, str) and name not in graph.index_of:
                message = _("There is no node %s.") % repr(name[:64])
                yield Problem(path=graph.pointer("edges", place, key), code="unknown_node", message=message)
    seen = set()
    for found in graph.edges:
        way = (found.source, found.target, found.when)
        if way in seen:
            message = _("The same edge is there already.")
            yield Problem(path=graph.pointer("edges", found.place), code="duplicate_edge", message=message)
        seen.add(way)
        target = graph.nodes[found.target]
        if target.type_name == "start" or (target.type is not None and target.type.entry):
            message = _("Nothing can lead to a node where runs begin.")
            yield Problem(path=graph.pointer("edges", found.place, "to"), code="edge_into_start", message=message)


def _check_handles(graph: Outline) -> Iterator[Problem]:
    for node in graph.written:
        yield from _check_repeated(graph, node.place, node.handles)
    for index, node in enumerate(graph.nodes):
        handles = node.handles
        if node.type is None:
            continue  # its ways on are not known
        errors = (ERROR_HANDLE,) if node.then == "branch" else ()
        for edge in graph.ways_on[index]:
            yield from _check_way(graph, edge, node.id, handles, errors)
        if handles or errors:
            connected = {edge.when for edge in graph.ways_on[index]}
            for handle in (*(handle for handle in handles if handle != "else"), *errors):
                if handle not in connected:
                    message = _("Nothing follows %(handle)s of node %(id)s.") % {"handle": handle, "id": node.id}
                    path = graph.pointer("nodes", node.place)
                    yield Problem(path=path, code="unconnected", message=message, severity="warning")


def _check_way(
    graph: Outline, edge: OutlineEdge, name: str, handles: tuple[str, ...], errors: tuple[str, ...]
) -> Iterator[Problem]:
    path = graph.pointer("edges", edge.place, "when")
    allowed = ", ".join((*handles, *errors))
    if edge.when is None and handles:
        message = _("Node %(id)s branches: say when this edge is taken (%(allowed)s).")
        yield Problem(path=path, code="required", message=message % {"id": name, "allowed": allowed})
    elif edge.when is not None and edge.when not in (*handles, *errors):
        if edge.when == ERROR_HANDLE:
            message = _("Node %(id)s has no error branch: set `on_error: {then: branch}`.") % {"id": name}
        elif allowed:
            message = _("Node %(id)s has no way on of that name; it has: %(allowed)s.")
            message %= {"id": name, "allowed": allowed}
        else:
            message = _("Node %(id)s does not branch: leave `when` out.") % {"id": name}
        yield Problem(path=path, code="unknown_handle", message=message)


def _check_repeated(graph: Outline, place: int, handles: tuple[str, ...]) -> Iterator[Problem]:
    for at, handle in enumerate(handles):
        if handle in handles[:at]:
            path = graph.pointer("nodes", place, "config", "cases", at, "id")
            message = _("There is another case with this id: %s.") % handle
            yield Problem(path=path, code="duplicate_id", message=message)


def _check_circles(graph: Outline) -> Iterator[Problem]:
    for circle in circles([[edge.target for edge in ways] for ways in graph.ways_on]):
        members = set(circle)
        edge = min(
            (edge for node in circle for edge in graph.ways_on[node] if edge.target in members),
            key=lambda edge: edge.place,
        )
        names = [graph.nodes[node].id for node in sorted(circle)]
        shown = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
        message = _("These nodes lead back to themselves: %s.") % shown
        yield Problem(path=graph.pointer("edges", edge.place), code="cycle", message=message)


def _check_reach(graph: Outline) -> Iterator[Problem]:
    reached = {index for index, node in enumerate(graph.nodes) if node.type is not None and node.type.entry}
    if not reached:
        return
    stack = list(reached)
    while stack:
        for edge in graph.ways_on[stack.pop()]:
            if edge.target not in reached:
                reached.add(edge.target)
                stack.append(edge.target)
    for index, node in enumerate(graph.nodes):
        if index not in reached:
            message = _("Nothing leads from the start to node %s: it never runs.") % node.id
            path = graph.pointer("nodes", node.place)
            yield Problem(path=path, code="unreachable", message=message, severity="warning")
