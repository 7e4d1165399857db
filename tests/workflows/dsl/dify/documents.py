"""Documents in Dify's format, written for these tests, and how to compare two of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from apps.workflows.dsl.dify import Imported, export_dify, import_dify
from apps.workflows.dsl.validation import validate

#: How the canvas looked when the file was written; Dify reads none of it.
NOISE = {"selected", "dragging"}


def node(name: str, kind: str, title: str = "", /, **data: Any) -> dict[str, Any]:
    outer = {key: data.pop(key) for key in ("parentId", "outer_type") if key in data}
    return {
        "id": name,
        "type": outer.get("outer_type", "custom"),
        "position": {"x": 80, "y": 282.5},
        "data": {"type": kind, "title": title, "desc": "", **data},
        **({"parentId": outer["parentId"]} if "parentId" in outer else {}),
    }


def edge(source: str, target: str, handle: str | None = "source", **more: Any) -> dict[str, Any]:
    made = {"id": f"{source}-{target}", "type": "custom", "source": source, "target": target, **more}
    return made if handle is None else {**made, "sourceHandle": handle, "targetHandle": "target"}


def canvas(nodes: list[Any], edges: list[Any], *, mode: str = "advanced-chat", **workflow: Any) -> dict[str, Any]:
    return {
        "version": "0.1.5",
        "kind": "app",
        "app": {"name": "Beekeeper", "mode": mode, "icon": "🐝", "description": ""},
        "workflow": {"graph": {"nodes": nodes, "edges": edges}, "features": {}, **workflow},
    }


def model(**parameters: Any) -> dict[str, Any]:
    return {"provider": "openai", "name": "gpt-4o-mini", "mode": "chat", "completion_params": parameters}


def chat_of(*middle: dict[str, Any], answer: str = "Done.", variables: Any = (), **workflow: Any) -> dict[str, Any]:
    """start -> the nodes in a row -> answer."""
    nodes = [node("1", "start", "Start", variables=list(variables)), *middle, node("9", "answer", "Say", answer=answer)]
    row = [one["id"] for one in nodes if "parentId" not in one]
    edges = [edge(one, other) for one, other in pairwise(row)]
    return canvas(nodes, edges, **workflow)


def imported(raw: dict[str, Any]) -> Imported:
    return import_dify(copy.deepcopy(raw), validate=validate)


def exported(document: dict[str, Any]) -> dict[str, Any]:
    return export_dify(copy.deepcopy(document), validate=validate)


def nodes_in(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found, graphs = {}, [document]
    while graphs:
        for one in graphs.pop()["nodes"]:
            found[one["id"]] = one
            if "nodes" in one.get("config", {}).get("body", {}):
                graphs.append(one["config"]["body"])
    return found


def only(raw: dict[str, Any], kind: str) -> dict[str, Any]:
    """The one node of a type that import makes."""
    (found,) = (one for one in nodes_in(imported(raw).document).values() if one["type"] == kind)
    return found


def codes(result: Imported) -> set[str]:
    return {problem.code for problem in result.warnings}


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What is in `before` and not, or not the same, in `after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in NOISE:
                if key in after:
                    yield from lost(value, after[key], f"{path}/{key}")
                else:
                    yield f"{path}/{key} is gone"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{path}/{place}")
    elif type(before) is not type(after) or before != after:
        yield f"{path}: {before!r} became {after!r}"


def what_dify_reads(raw: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The document with nodes by id and edges as a sorted list of their ends: their order means nothing."""
    workflow = raw.get("workflow", {})
    graph = workflow.get("graph", {})
    nodes = {one["id"]: {key: one.get(key) for key in ("data", "parentId")} for one in graph.get("nodes", [])}
    edges = sorted((one["source"], one.get("sourceHandle") or "source", one["target"]) for one in graph["edges"])
    rest = {key: value for key, value in graph.items() if key not in ("nodes", "edges")}
    return {**raw, "workflow": {**workflow, "graph": rest}}, nodes, edges


def lost_on_the_way(raw: dict[str, Any]) -> list[str]:
    """What export does not give back of an imported document."""
    result = imported(raw)
    assert result.errors == []
    before, after = what_dify_reads(raw), what_dify_reads(exported(result.document))
    return [
        *lost(before[0], after[0]),
        *lost(before[1], after[1]),
        *(str(one) for one in before[2] if one not in after[2]),
    ]
