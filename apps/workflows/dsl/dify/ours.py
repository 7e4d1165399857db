"""What a Dify document cannot say of ours, carried along in it as patches under `x-skep`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from apps.workflows.dsl.dify.patches import difference, patched
from apps.workflows.dsl.dify.reading import list_at, object_at, text_at

CARRIED: Final = "x-skep"
_GRAPH: Final = ("workflow", "graph")


def take_out(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Dify's document without our patches; and the patches: `document`, and `nodes` by Dify's id."""
    graph = object_at(raw, *_GRAPH)
    nodes: dict[str, Any] = {}
    kept: list[Any] = []
    for node in list_at(graph, "nodes"):
        data = object_at(node, "data")
        if CARRIED in data:
            nodes[text_at(node, "id")] = data[CARRIED]
            node = {**node, "data": {key: value for key, value in data.items() if key != CARRIED}}
        kept.append(node)
    patches = {"nodes": nodes} if nodes else {}
    if CARRIED in raw:
        patches["document"] = raw[CARRIED]
        raw = {key: value for key, value in raw.items() if key != CARRIED}
    if nodes:
        workflow = object_at(raw, "workflow")
        raw = {**raw, "workflow": {**workflow, "graph": {**graph, "nodes": kept}}}
    return raw, patches


def apply(document: dict[str, Any], patches: Mapping[str, Any]) -> dict[str, Any]:
    """Our document with its patches."""
    by_theirs = object_at(patches, "nodes")

    def walk(graph: dict[str, Any]) -> None:
        for place, node in enumerate(list_at(graph, "nodes")):
            if not isinstance(node, dict):
                continue
            theirs = text_at(node, "x-dify", "id") or text_at(node, "id")
            if theirs in by_theirs:
                node = graph["nodes"][place] = _patched_node(node, by_theirs[theirs])
            body = object_at(node, "config", "body")
            if body:
                walk(body)

    made = copy.deepcopy(document)
    walk(made)
    if "document" in patches:
        nodes = made.pop("nodes")
        made = {**patched(made, patches["document"]), "nodes": nodes}
    return made


def _patched_node(node: dict[str, Any], patch: Any) -> dict[str, Any]:
    nodes = list_at(node, "config", "body", "nodes")
    made: dict[str, Any] = patched(_without_nodes(node), patch)
    body = object_at(made, "config", "body")
    if nodes and body:
        body["nodes"] = nodes
    return made


def _without_nodes(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node without the nodes inside it: each has a patch of its own."""
    body = object_at(node, "config", "body")
    if not body:
        return dict(node)
    config = {**node["config"], "body": {key: value for key, value in body.items() if key != "nodes"}}
    return {**node, "config": config}


def put_in(raw: dict[str, Any], *, back: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Dify's document with patches that lead from what import makes of it (`back`) to `document`."""
    made, wanted = _nodes(back), _nodes(document)
    patches = {
        theirs: patch
        for theirs, node in wanted.items()
        if theirs in made and (patch := difference(_without_nodes(made[theirs]), _without_nodes(node), exactly=True))
    }
    rest = difference(_rest(back), _rest(document), exactly=True)
    if patches:
        graph = object_at(raw, *_GRAPH)
        nodes = [_carrying(node, patches) for node in list_at(graph, "nodes")]
        raw = {**raw, "workflow": {**object_at(raw, "workflow"), "graph": {**graph, "nodes": nodes}}}
    return {**raw, CARRIED: rest} if rest else raw


def _carrying(node: Any, patches: Mapping[str, Any]) -> Any:
    theirs = text_at(node, "id")
    if theirs not in patches or not isinstance(node.get("data"), dict):
        return node
    return {**node, "data": {**node["data"], CARRIED: patches[theirs]}}


def _rest(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "nodes"}


def _nodes(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    graphs = [document]
    while graphs:
        for node in list_at(graphs.pop(), "nodes"):
            if isinstance(node, dict):
                found[text_at(node, "x-dify", "id") or text_at(node, "id")] = node
                graphs.append(object_at(node, "config", "body"))
    return found
