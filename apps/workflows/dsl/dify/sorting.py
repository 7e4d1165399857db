"""Sort the nodes and edges of a canvas: what runs where, and what is put aside because nothing ever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.frame import warning
from apps.workflows.dsl.dify.ids import free_id, is_identifier, made_of
from apps.workflows.dsl.dify.incoming import Known
from apps.workflows.dsl.dify.nodes.table import CONTAINERS
from apps.workflows.dsl.dify.reading import as_word, object_at, text_at
from apps.workflows.dsl.dify.words import TYPES
from apps.workflows.dsl.problems import Problem
from apps.workflows.engine.variables import RESERVED_IDS

_ENTRIES: Final = ("iteration-start", "loop-start")
_MAX_NESTING: Final = 4

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A node as it was written, where, and what is known of it."""

    known: Known
    raw: dict[str, Any]
    data: dict[str, Any]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An edge between two nodes of one graph."""

    source: str
    target: str
    handle: str
    raw: Any
    path: Path


@dataclass(slots=True, kw_only=True)
class Sorted:
    """The graph of a document: nodes by Dify's id, edges, and what is put aside. Entries are where bodies begin."""

    path: Path
    found: dict[str, Found] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    entries: dict[str, str] = field(default_factory=dict)
    aside_nodes: list[Any] = field(default_factory=list)
    aside_edges: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _children: dict[str, list[Found]] | None = None

    def warn(self, path: Path, code: str, message: str) -> None:
        """Note something the author should know."""
        self.problems.append(warning(path, code, message))

    def children(self, container: str) -> list[Found]:
        """The nodes right inside a container, or outside of all (an empty name)."""
        if self._children is None:
            self._children = {}
            for one in self.found.values():
                self._children.setdefault((one.known.inside or ("",))[-1], []).append(one)
        return list(self._children.get(container, ()))

    def change(self, found: dict[str, Found]) -> None:
        """Other nodes from now on."""
        self.found, self._children = found, None

    def put_aside(self, names: set[str]) -> None:
        """Take nodes out of the graph, with their edges."""
        self.aside_nodes += [one.raw for name, one in self.found.items() if name in names]
        self.change({name: one for name, one in self.found.items() if name not in names})
        kept = []
        for way in self.ways:
            if way.source in names or way.target in names:
                self.aside_edges.append(way.raw)
            else:
                kept.append(way)
        self.ways = kept

    def within(self, container: str) -> set[str]:
        """Every node inside a container, however deep."""
        names: set[str] = set()
        waiting = [container]
        while waiting:
            inner = [one.known.theirs for one in self.children(waiting.pop())]
            names.update(inner)
            waiting += inner
        return names


def sort_graph(nodes: list[Any], edges: list[Any], path: Path) -> Sorted:
    """Sort what a canvas shows. Containers know their nodes by `parentId`, `iteration_id` or `loop_id`."""
    made = Sorted(path=path)
    usable = _usable(nodes, made)
    inside = _memberships(usable, made)
    begun: set[str] = set()
    for theirs, (place, raw) in usable.items():
        if theirs in made.entries:
            if made.entries[theirs] in ("", *begun):
                made.aside_nodes.append(raw)  # it begins nothing
            begun.add(made.entries[theirs])
            continue
        data = object_at(raw, "data")
        known = Known(theirs=theirs, id=theirs, type=_type(data), inside=inside[theirs])
        made.found[theirs] = Found(known=known, raw=raw, data=data, path=(*path, "nodes", place, "data"))
    _sort_edges(edges, made)
    _leave_unreached(made)
    ids = _ids(made)
    made.change({name: replace(one, known=replace(one.known, id=ids[name])) for name, one in made.found.items()})
    return made


def _type(data: Mapping[str, Any]) -> str:
    kind = text_at(data, "type")
    return TYPES.get(kind, kind)


def _usable(nodes: list[Any], made: Sorted) -> dict[str, tuple[int, dict[str, Any]]]:
    """Nodes that may run, by id; the later of two with the same id counts, as it does in Dify."""
    usable: dict[str, tuple[int, dict[str, Any]]] = {}
    for place, raw in enumerate(nodes):
        theirs, at = as_word(raw.get("id")) if isinstance(raw, dict) else "", (*made.path, "nodes", place)
        if isinstance(raw, dict) and raw.get("type") == "custom-note":
            made.aside_nodes.append(raw)
        elif not theirs or not isinstance(raw, dict) or not isinstance(raw.get("data"), dict):
            made.warn(at, "no_node", _("This is no node; it is put aside."))
            made.aside_nodes.append(raw)
        else:
            if theirs in usable:
                made.warn(at, "duplicate_id", _("Another node has this id already; this one counts."))
                made.aside_nodes.append(usable.pop(theirs)[1])
            usable[theirs] = (place, raw)
    return usable


def _parent(raw: Mapping[str, Any]) -> str:
    data = object_at(raw, "data")
    return text_at(raw, "parentId") or text_at(data, "iteration_id") or text_at(data, "loop_id")


def _memberships(usable: dict[str, tuple[int, dict[str, Any]]], made: Sorted) -> dict[str, tuple[str, ...]]:
    containers = {theirs for theirs, (_place, raw) in usable.items() if text_at(raw, "data", "type") in CONTAINERS}
    inside: dict[str, tuple[str, ...]] = {}
    for theirs, (place, raw) in usable.items():
        chain: list[str] = []
        parent = _parent(raw)
        while parent in containers and parent not in chain and parent != theirs and len(chain) < _MAX_NESTING:
            chain.append(parent)
            parent = _parent(usable[parent][1])
        if parent and parent not in containers:
            message = _("The container %s is not there: the node stands outside of it.") % repr(parent[:60])
            made.warn((*made.path, "nodes", place), "no_container", message)
        elif parent:
            made.warn(
                (*made.path, "nodes", place), "no_container", _("Containers hold each other; this one is cut off.")
            )
            chain = []
        inside[theirs] = tuple(reversed(chain))
        if text_at(raw, "data", "type") in _ENTRIES:
            made.entries[theirs] = chain[0] if chain else ""
    return inside


def _ids(made: Sorted) -> dict[str, str]:
    """Ours for every id of Dify's: names stay, numbers give way to titles.

    Numbers are given in the order in which export writes nodes, so that the same ones get the same again.
    """
    ids = {theirs: theirs for theirs in made.found if is_identifier(theirs) and theirs not in RESERVED_IDS}
    taken = set(ids.values())
    numbers: dict[str, int] = {}
    waiting = made.children("")[::-1]
    while waiting:
        one = waiting.pop()
        theirs = one.known.theirs
        if theirs not in ids:
            ids[theirs] = free_id(made_of(text_at(one.data, "title")), one.known.type or "node", taken, numbers)
            taken.add(ids[theirs])
        if one.known.type in CONTAINERS:
            waiting += made.children(theirs)[::-1]
    return ids


def _sort_edges(edges: list[Any], made: Sorted) -> None:
    for place, raw in enumerate(edges):
        at = (*made.path, "edges", place)
        source, target = text_at(raw, "source"), text_at(raw, "target")
        if source in made.entries and target in made.found:
            made.ways.append(Way(source=source, target=target, handle="source", raw=raw, path=at))
            continue
        ends = made.found.get(source), made.found.get(target)
        if ends[0] is None or ends[1] is None:
            made.warn(at, "dangling_edge", _("The edge leads from or to a node that is not there; it is put aside."))
        elif ends[0].known.inside != ends[1].known.inside:
            made.warn(at, "crossing_edge", _("The edge leads into or out of a container; it is put aside."))
        else:
            handle = text_at(raw, "sourceHandle") or "source"
            made.ways.append(Way(source=source, target=target, handle=handle, raw=raw, path=at))
            continue
        made.aside_edges.append(raw)


def _leave_unreached(made: Sorted) -> None:
    """Take the edges of entries out, and what is in a container but not reached from its entry."""
    begins: dict[str, set[str]] = {}
    ways_on: dict[str, list[str]] = {}
    for way in made.ways:
        if way.source in made.entries:
            begins.setdefault(made.entries[way.source], set()).add(way.target)
        else:
            ways_on.setdefault(way.source, []).append(way.target)
    made.ways = [way for way in made.ways if way.source not in made.entries]
    for one in made.found.values():
        start = text_at(one.data, "start_node_id")
        if one.known.type in CONTAINERS and start in made.found and one.known.theirs not in begins:
            begins[one.known.theirs] = {start}
    for container, first in begins.items():
        if container:
            _leave_in(container, first, ways_on, made)


def _leave_in(container: str, first: set[str], ways_on: Mapping[str, list[str]], made: Sorted) -> None:
    reached, waiting = set(first), list(first)
    while waiting:
        for target in ways_on.get(waiting.pop(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    lost = {one.known.theirs for one in made.children(container)} - reached
    for name in sorted(lost):
        made.warn(made.found[name].path, "unreachable", _("Nothing leads here; the node is put aside."))
    if lost:
        made.put_aside(lost.union(*(made.within(name) for name in lost)))
