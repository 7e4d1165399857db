"""What changed between two versions of a document, as meaning: nodes, edges, settings, texts word by word.

The canvas is apart: moving a box changes nothing that runs. Keys that start with `x-` are others' notes and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from apps.workflows.dsl.problems import pointer
from support.word_diff import Piece, diff_words

Kind = Literal["added", "removed", "changed"]
_NONE: Final = object()
_NAMED: Final = ("id", "name", "variable", "tool")
_SETTINGS: Final = ("app", "inputs", "variables", "features")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value that is new, gone or another; `words` lead from one text to the other where both are texts.

    `path` is where it lies in what changed: a JSON pointer, in which list items that have a name go by it.
    """

    path: str
    kind: Kind
    old: Any = None
    new: Any = None
    words: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChange:
    """A node that is new, gone or another. `inside` are the containers around it, outermost first."""

    id: str
    kind: Kind
    type: str
    title: str
    inside: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeChange:
    """An edge that is new or gone."""

    kind: Kind
    source: str
    target: str
    when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that changed. `moved` are the nodes that lie elsewhere on the canvas and did not change otherwise."""

    settings: tuple[Change, ...] = ()
    nodes: tuple[NodeChange, ...] = ()
    edges: tuple[EdgeChange, ...] = ()
    moved: tuple[str, ...] = field(default=())

    @property
    def means_something(self) -> bool:
        """Whether anything but the canvas changed."""
        return bool(self.settings or self.nodes or self.edges)


def diff_documents(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """What leads from one valid document to another."""
    before, after = dict(_nodes(old)), dict(_nodes(new))
    nodes = tuple(_compare_nodes(before, after))
    changed = {node.id for node in nodes}
    return Difference(
        settings=tuple(change for key in _SETTINGS for change in compare(old.get(key), new.get(key), (key,))),
        nodes=nodes,
        edges=tuple(_compare_edges(old, new)),
        moved=tuple(_moved(old, new, set(before) & set(after) - changed)),
    )


def _nodes(document: Mapping[str, Any]) -> Iterator[tuple[str, tuple[tuple[str, ...], Mapping[str, Any]]]]:
    """Every node by its id with the containers around it, in document order."""
    for inside, graph in _graphs(document):
        for node in graph.get("nodes") or ():
            yield node["id"], (inside, node)


def _graphs(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    waiting: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [((), document)]
    while waiting:
        inside, graph = waiting.pop()
        yield inside, graph
        bodies = [
            ((*inside, node["id"]), body)
            for node in graph.get("nodes") or ()
            if (body := _graph_inside(node.get("config"))) is not None
        ]
        waiting.extend(reversed(bodies))


def _graph_inside(config: Any) -> Mapping[str, Any] | None:
    """A container's graph; the body of a request is none."""
    body = config.get("body") if isinstance(config, Mapping) else None
    return body if isinstance(body, Mapping) and "nodes" in body else None


def _compare_nodes(
    before: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]],
    after: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]],
) -> Iterator[NodeChange]:
    for name, (inside, node) in before.items():
        if name not in after:
            yield _node_change(name, "removed", inside, node)
    for name, (inside, node) in after.items():
        if name not in before:
            yield _node_change(name, "added", inside, node)
            continue
        around, was = before[name]
        changes = tuple(compare(_own(was), _own(node), ()))
        if around != inside:
            changes = (Change(path="/inside", kind="changed", old=".".join(around), new=".".join(inside)), *changes)
        if changes:
            yield _node_change(name, "changed", inside, node, changes)


def _node_change(
    name: str, kind: Kind, inside: tuple[str, ...], node: Mapping[str, Any], changes: tuple[Change, ...] = ()
) -> NodeChange:
    title = node.get("title") or name
    return NodeChange(id=name, kind=kind, type=node["type"], title=title, inside=inside, changes=changes)


def _own(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node without its id and without the graph inside it, whose nodes and edges are compared by themselves."""
    own = {key: value for key, value in node.items() if key != "id"}
    config = own.get("config")
    if isinstance(config, Mapping) and _graph_inside(config) is not None:
        own["config"] = {key: value for key, value in config.items() if key != "body"}
    return own


def compare(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[Change]:
    """The smallest parts that differ between two values."""
    stack = [(old, new, path)]
    while stack:
        one, other, at = stack.pop()
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            stack.extend(reversed(list(_pairs(dict(one), dict(other), at))))
        elif isinstance(one, list) and isinstance(other, list):
            stack.extend(reversed(list(_pairs(_by_name(one, other), _by_name(other, one), at))))
        elif not _same(one, other):
            yield _change(one, other, at)


def _same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, bool) == isinstance(other, bool) and bool(one == other))


def _pairs(
    old: Mapping[str, Any], new: Mapping[str, Any], at: tuple[str, ...]
) -> Iterator[tuple[Any, Any, tuple[str, ...]]]:
    for key in (*old, *(key for key in new if key not in old)):
        if not key.startswith("x-"):
            yield old.get(key, _NONE), new.get(key, _NONE), (*at, key)


def _by_name(items: list[Any], others: list[Any]) -> dict[str, Any]:
    """List items by the name that tells them apart, so that an insertion changes nothing behind it; else by place."""
    for key in _NAMED:
        if items and others and _tells_apart(key, items) and _tells_apart(key, others):
            return {item[key]: item for item in items}
    return {str(place): item for place, item in enumerate(items)}


def _tells_apart(key: str, items: list[Any]) -> bool:
    names = [item.get(key) if isinstance(item, Mapping) else None for item in items]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _change(old: Any, new: Any, at: tuple[str, ...]) -> Change:
    path = pointer(*at)
    if old is _NONE or old is None:
        return Change(path=path, kind="added", new=new)
    if new is _NONE or new is None:
        return Change(path=path, kind="removed", old=old)
    words = tuple(diff_words(old, new)) if isinstance(old, str) and isinstance(new, str) else ()
    return Change(path=path, kind="changed", old=old, new=new, words=words)


def _compare_edges(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[EdgeChange]:
    before, after = dict.fromkeys(_edges(old)), dict.fromkeys(_edges(new))
    for edges, others, kind in ((before, after, "removed"), (after, before, "added")):
        for source, target, when in edges:
            if (source, target, when) not in others:
                yield EdgeChange(kind=kind, source=source, target=target, when=when)  # type: ignore[arg-type]


def _edges(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    for _inside, graph in _graphs(document):
        for edge in graph.get("edges") or ():
            yield edge["from"], edge["to"], edge.get("when")


def _moved(old: Mapping[str, Any], new: Mapping[str, Any], nodes: set[str]) -> list[str]:
    before, after = old.get("canvas") or {}, new.get("canvas") or {}
    return sorted(name for name in nodes if before.get(name) != after.get(name))
