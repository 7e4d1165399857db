"""What can be known of a document that may be wrong anywhere: its sound nodes, edges and names, numbered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from apps.workflows.dsl.problems import pointer
from apps.workflows.engine.node import NodeType, own_keys
from apps.workflows.nodes.registry import REGISTRY

Place = tuple[str | int, ...]


@dataclass(slots=True, kw_only=True)
class OutlineNode:
    """A node with a usable id. `type` and `config` are there only if its configuration has the right shape."""

    place: int
    id: str
    type_name: str
    type: NodeType | None
    config: Mapping[str, Any]
    then: str

    @property
    def branches(self) -> bool:
        """Whether its plain way on is not certain once it has run."""
        return self.then == "branch" or bool(self.handles)

    @property
    def handles(self) -> tuple[str, ...]:
        """The ways on that its configuration names."""
        return self.type.handles(self.config) if self.type else ()


@dataclass(slots=True, kw_only=True)
class OutlineEdge:
    """An edge between two known nodes, given by number."""

    place: int
    source: int
    target: int
    when: str | None


@dataclass(slots=True, kw_only=True)
class Outline:
    """A graph as far as it is sound; the first of several nodes with one id counts, the others are `repeated`.

    The graph of a container lies `at` a place in the document, inside the node number `container` of its `outer` graph;
    `rounds` are the roots that only the nodes in it know.
    """

    kind: str | None
    at: tuple[str | int, ...] = ()
    outer: Outline | None = None
    container: int = 0
    rounds: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    inner: list[Outline] = field(default_factory=list)
    nodes: list[OutlineNode] = field(default_factory=list)
    repeated: list[OutlineNode] = field(default_factory=list)
    index_of: dict[str, int] = field(default_factory=dict)
    edges: list[OutlineEdge] = field(default_factory=list)
    ways_on: list[list[OutlineEdge]] = field(default_factory=list)
    ways_in: list[list[OutlineEdge]] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    names: dict[str, frozenset[str]] = field(default_factory=dict)

    def pointer(self, *parts: str | int) -> str:
        """A JSON pointer to a part of this graph."""
        return pointer(*self.at, *parts)

    @property
    def written(self) -> list[OutlineNode]:
        """All nodes with a usable id, for rules that look at each alone."""
        return sorted([*self.nodes, *self.repeated], key=lambda node: node.place)

    def all(self) -> Iterator[Outline]:
        """This graph and those inside its containers, outer ones first."""
        stack = [self]
        while stack:
            graph = stack.pop()
            yield graph
            stack.extend(reversed(graph.inner))


def outline(document: Mapping[str, Any], *, misshapen: Set[Place]) -> Outline:
    """Read a document's graph; `misshapen` are the places of nodes whose configuration cannot be trusted."""
    app = document.get("app")
    found = Outline(kind=app.get("kind") if isinstance(app, dict) else None, names=_names(document))
    waiting = [(found, document)]
    while waiting:
        graph, written = waiting.pop()
        _read(graph, written, misshapen)
        for index, node in enumerate(graph.nodes):
            if node.type is not None and node.type.container:
                inside = Outline(
                    kind=graph.kind,
                    at=(*graph.at, "nodes", node.place, "config", "body"),
                    outer=graph,
                    container=index,
                    rounds=node.type.round_names(node.config),
                    names=graph.names,
                )
                graph.inner.append(inside)
                waiting.append((inside, node.config["body"]))
    return found


def _read(found: Outline, document: Mapping[str, Any], misshapen: Set[Place]) -> None:
    for place, node in enumerate(list_at(document, "nodes")):
        if not isinstance(node, dict) or not isinstance(node.get("id"), str):
            continue
        read = _node(node, place, trusted=(*found.at, "nodes", place) not in misshapen)
        if read.id in found.index_of:
            found.repeated.append(read)
        else:
            found.index_of[read.id] = len(found.nodes)
            found.nodes.append(read)
            found.joins.append(node["join"] if node.get("join") in ("first", "all") else "resolved")
    found.ways_on = [[] for _ in found.nodes]
    found.ways_in = [[] for _ in found.nodes]
    for place, edge in enumerate(list_at(document, "edges")):
        if isinstance(edge, dict):
            _add_edge(found, place, edge)


def list_at(document: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key, empty when there is something else."""
    value = document.get(key)
    return value if isinstance(value, list) else []


def _node(node: Mapping[str, Any], place: int, *, trusted: bool) -> OutlineNode:
    name = node.get("type") if isinstance(node.get("type"), str) else ""
    config, on_error = node.get("config"), node.get("on_error")
    then = on_error.get("then") if isinstance(on_error, dict) else None
    return OutlineNode(
        place=place,
        id=node["id"],
        type_name=name or "",
        type=REGISTRY.get(name or "") if trusted else None,
        config=own_keys(config) if isinstance(config, dict) else {},
        then=then if isinstance(then, str) else "fail",
    )


def _add_edge(found: Outline, place: int, edge: Mapping[str, Any]) -> None:
    ends = [edge.get("from"), edge.get("to")]
    if not all(isinstance(end, str) and end in found.index_of for end in ends):
        return
    when = edge.get("when")
    source, target = (found.index_of[str(end)] for end in ends)
    made = OutlineEdge(place=place, source=source, target=target, when=when if isinstance(when, str) else None)
    found.edges.append(made)
    found.ways_on[source].append(made)
    found.ways_in[target].append(made)


def _names(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    variables = document.get("variables")
    variables = variables if isinstance(variables, dict) else {}
    return {
        "inputs": _declared(list_at(document, "inputs")),
        "conversation": _declared(list_at(variables, "conversation")),
        "env": _declared(list_at(variables, "environment")),
    }


def _declared(items: list[Any]) -> frozenset[str]:
    return frozenset(item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str))
