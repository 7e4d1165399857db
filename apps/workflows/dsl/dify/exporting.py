"""Our document as Dify's: nodes flattened out of their containers, with the ids and keys that Dify gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apps.workflows.dsl.dify.frame import KEPT, their_name, write_frame, write_inputs
from apps.workflows.dsl.dify.incoming import MISSING
from apps.workflows.dsl.dify.layout import positions
from apps.workflows.dsl.dify.node_data import write_common
from apps.workflows.dsl.dify.nodes.asking import class_ids
from apps.workflows.dsl.dify.nodes.branching import case_ids
from apps.workflows.dsl.dify.nodes.containers import write_until
from apps.workflows.dsl.dify.nodes.table import CONTAINERS, MAPPED
from apps.workflows.dsl.dify.outgoing import Named, Writing
from apps.workflows.dsl.dify.patches import digest, patched
from apps.workflows.dsl.dify.reading import flag_at, list_at, object_at, text_at

WIDTH: Final = 244
_ENTRIES: Final = ("iteration-start", "loop-start")
_LONGEST_ID: Final = 50
_PLAIN, _ERROR, _OTHERWISE, _LATE = "source", "fail-branch", "false", "__timeout"


@dataclass(slots=True, kw_only=True)
class Survey:
    """Every node of a document with the containers around it, and what Dify calls things."""

    document: Mapping[str, Any]
    nodes: dict[str, Named] = field(default_factory=dict)
    found: list[tuple[Named, dict[str, Any]]] = field(default_factory=list)
    edges: list[tuple[tuple[str, ...], Mapping[str, Any]]] = field(default_factory=list)
    start: str = "start"
    missing: str = f"env.{MISSING}"
    names: dict[str, dict[str, str]] = field(default_factory=dict)

    def writing(self, node: Named) -> Writing:
        """The view of one node."""
        return Writing(nodes=self.nodes, start=self.start, node=node, missing=self.missing, names=self.names)

    def inside(self, node: Named) -> Named:
        """Somebody in a container."""
        return Named(theirs="", id="", type="", inside=(*node.inside, node.id))


def survey(document: Mapping[str, Any]) -> Survey:
    """Walk through a document that passed validation."""
    made = Survey(document=document)
    variables = object_at(document, "variables")
    made.names = {
        "inputs": _names(list_at(document, "inputs")),
        "env": _names(list_at(variables, "environment")),
        "conversation": _names(list_at(variables, "conversation")),
    }
    for one in list_at(variables, "environment"):
        if flag_at(one, KEPT, "added"):
            made.missing = f"env.{text_at(one, 'name')}"
    taken: set[str] = set()
    for inside, node in _walk(document, (), made):
        theirs = _their_id(node, taken)
        taken.add(theirs)
        named = Named(theirs=theirs, id=text_at(node, "id"), type=text_at(node, "type"), inside=inside)
        made.nodes[named.id] = named
        made.found.append((named, node))
    entries = [named for named, _node in made.found if named.type == "start"] or [
        named for named, _node in made.found if named.type.startswith("trigger-")
    ]
    made.start = entries[0].theirs if entries else "start"
    return made


def _names(declared: list[Any]) -> dict[str, str]:
    return {text_at(one, "name"): their_name(one) for one in declared if isinstance(one, dict)}


def _walk(
    graph: Mapping[str, Any], inside: tuple[str, ...], made: Survey
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    made.edges.extend((inside, edge) for edge in list_at(graph, "edges") if isinstance(edge, dict))
    for node in list_at(graph, "nodes"):
        if not isinstance(node, dict):
            continue
        yield inside, node
        if node.get("type") in CONTAINERS:
            yield from _walk(object_at(node, "config", "body"), (*inside, text_at(node, "id")), made)


def _their_id(node: Mapping[str, Any], taken: set[str]) -> str:
    wanted = text_at(node, KEPT, "id") or text_at(node, "id")
    wanted = wanted if len(wanted) <= _LONGEST_ID or KEPT in node else wanted[:40]
    number, free = 2, wanted
    while free in taken:
        free, number = f"{wanted}_{number}", number + 1
    return free


def write_data(named: Named, node: Mapping[str, Any], made: Survey) -> dict[str, Any]:
    """A node's data, without what it kept of Dify's keys."""
    whole = kept_whole(node)
    if whole is not None:
        return whole
    writing, config = made.writing(named), object_at(node, "config")
    mapping = MAPPED.get(named.type)
    data = {**write_common(node), **(mapping.write(config, writing) if mapping else {})}
    if named.type == "start":
        data["variables"] = write_inputs(list_at(made.document, "inputs"))
    if named.type in CONTAINERS:
        data["start_node_id"] = start_of(named, node)
        inner = made.writing(made.inside(named))
        if named.type == "loop":
            data |= write_until(config, inner)
        elif "collect" in config:
            data["output_selector"] = inner.selector(config["collect"])
    return {**data, **_membership(named, made)}


def kept_whole(node: Mapping[str, Any]) -> dict[str, Any] | None:
    """The data of a node that has no mapping, if the node is still what import made of it."""
    kept = object_at(node, KEPT)
    if "whole" not in kept or kept.get("of") != digest([node.get("type"), node.get("config")]):
        return None
    return object_at(kept, "whole")


def start_of(named: Named, node: Mapping[str, Any]) -> str:
    """Dify's id of the node that a container's graph begins with."""
    return text_at(node, KEPT, "start") or f"{named.theirs}start"


def _membership(named: Named, made: Survey) -> dict[str, Any]:
    if not named.inside:
        return {}
    around = made.nodes[named.inside[-1]]
    if around.type == "loop":
        return {"isInLoop": True, "isInIteration": False, "loop_id": around.theirs}
    return {"isInIteration": True, "isInLoop": False, "iteration_id": around.theirs}


def export_graph(document: Mapping[str, Any]) -> dict[str, Any]:
    """Dify's document, with what import had put aside."""
    made = survey(document)
    kept = object_at(document, KEPT)
    where = positions(document)
    raw: dict[str, Any] = patched(write_frame(document), kept.get("keys"))
    nodes: list[dict[str, Any]] = []
    handles: dict[str, dict[str, str]] = {}
    for named, node in made.found:
        if flag_at(node, KEPT, "added"):
            continue
        data = patched(write_data(named, node, made), object_at(node, KEPT).get("keys"))
        handles[named.id] = _handles(node, data)
        nodes.append(_write_node(named, data, where, made))
        if named.type in CONTAINERS and kept_whole(node) is None:
            nodes.append(_write_entry(named, node, made))
    there = {node["id"] for node in nodes}
    edges = [_write_edge(edge, made, handles) for _inside, edge in made.edges]
    edges += [edge for named, node in made.found for edge in _entry_edges(named, node, made)]
    edges = [edge for edge in edges if edge["source"] in there and edge["target"] in there]
    aside = object_at(kept, "aside")
    workflow = object_at(raw, "workflow")
    graph = object_at(workflow, "graph")
    # What was put aside stands first: of two nodes with one id the later counts.
    first = [node for node in list_at(aside, "nodes") if text_at(node, "data", "type") not in _ENTRIES]
    last = [node for node in list_at(aside, "nodes") if text_at(node, "data", "type") in _ENTRIES]
    graph = {**graph, "nodes": first + nodes + last, "edges": edges + list_at(aside, "edges")}
    return {**raw, "workflow": {**workflow, "graph": graph}}


def _write_node(named: Named, data: dict[str, Any], where: Mapping[str, list[float]], made: Survey) -> dict[str, Any]:
    x, y = where[named.id]
    written: dict[str, Any] = {
        "id": named.theirs,
        "type": "custom",
        "data": data,
        "position": {"x": x, "y": y},
        "positionAbsolute": {"x": x, "y": y},
        "sourcePosition": "right",
        "targetPosition": "left",
        "width": data.get("width") or WIDTH,
        "height": data.get("height") or 90,
        "selected": False,
    }
    if named.inside:
        written |= {"parentId": made.nodes[named.inside[-1]].theirs, "zIndex": 1002}
    return written


def _write_entry(named: Named, node: Mapping[str, Any], made: Survey) -> dict[str, Any]:
    kind = f"{named.type}-start"
    member = "isInLoop" if named.type == "loop" else "isInIteration"
    return {
        "id": start_of(named, node),
        "type": f"custom-{kind}",
        "data": {"type": kind, "title": "", "desc": "", member: True, "selected": False},
        "parentId": named.theirs,
        "position": {"x": 24, "y": 68},
        "draggable": False,
        "selectable": False,
        "sourcePosition": "right",
        "targetPosition": "left",
        "width": 44,
        "height": 48,
        "zIndex": 1002,
    }


def _handles(node: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, str]:
    """Our ways on -> Dify's handles."""
    kind = node.get("type")
    found = {"error": _ERROR}
    if kind == "if-else":
        ours = [text_at(case, "id") for case in list_at(node, "config", "cases")]
        theirs = [theirs for theirs, _ours in case_ids(data)]
        return found | dict(zip(ours, theirs, strict=False)) | {"else": _OTHERWISE}
    if kind == "question-classifier":
        ours = [text_at(one, "id") for one in list_at(node, "config", "classes")]
        return found | dict(zip(ours, (theirs for theirs, _ours in class_ids(data)), strict=False))
    return found | {"timeout": _LATE}


def _write_edge(edge: Mapping[str, Any], made: Survey, handles: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    source, target = text_at(edge, "from"), text_at(edge, "to")
    when = text_at(edge, "when")
    handle = handles.get(source, {}).get(when, when) if when else text_at(edge, KEPT, "handle") or _PLAIN
    ends = [made.nodes.get(end) or Named(theirs=end, id=end, type="") for end in (source, target)]
    return edge_of(ends[0], ends[1].theirs, ends[1].type, handle, made)


def edge_of(source: Named, target: str, target_type: str, handle: str, made: Survey) -> dict[str, Any]:
    """An edge of Dify's."""
    data = {"sourceType": source.type, "targetType": target_type, "isInIteration": False, "isInLoop": False}
    return {
        "id": f"{source.theirs}-{handle}-{target}-target",
        "type": "custom",
        "source": source.theirs,
        "sourceHandle": handle,
        "target": target,
        "targetHandle": "target",
        "data": {**data, **_membership(source, made)},
        "zIndex": 1002 if source.inside else 0,
    }


def _entry_edges(named: Named, node: Mapping[str, Any], made: Survey) -> Iterator[dict[str, Any]]:
    """From a container's entry to the nodes that nothing leads to."""
    if named.type not in CONTAINERS or kept_whole(node) is not None:
        return
    body = object_at(node, "config", "body")
    led_to = {text_at(edge, "to") for edge in list_at(body, "edges")}
    entry = Named(theirs=start_of(named, node), id="", type=f"{named.type}-start", inside=(*named.inside, named.id))
    for inner in list_at(body, "nodes"):
        name = text_at(inner, "id")
        if name not in led_to and name in made.nodes:
            yield edge_of(entry, made.nodes[name].theirs, made.nodes[name].type, _PLAIN, made)
