"""Note at an imported document what the way back would lose: at each node, and at the document."""

from __future__ import annotations

from typing import Any, Final

from apps.workflows.dsl.dify import frame
from apps.workflows.dsl.dify.exporting import survey, write_data
from apps.workflows.dsl.dify.frame import KEPT
from apps.workflows.dsl.dify.nodes.table import CONTAINERS
from apps.workflows.dsl.dify.patches import difference
from apps.workflows.dsl.dify.reading import as_number, object_at
from apps.workflows.dsl.dify.state import Importing

#: Keys that say how the canvas looked when the file was written.
_NOISE: Final = frozenset({"selected", "dragging"})


def keep(made: Importing) -> None:
    """Note what the way back would lose, at each node and at the document."""
    view = survey(made.document)
    canvas: dict[str, list[float]] = {}
    entries: dict[str, str] = {}
    for entry, container in made.sorted.entries.items():
        entries.setdefault(container, entry)
    for named, node in view.found:
        found = made.origin.get(named.id)
        if found is None:
            continue
        entry = entries.get(named.theirs, f"{named.theirs}start")
        if node["type"] in CONTAINERS and entry != f"{named.theirs}start":
            _kept(node)["start"] = entry
        place = [as_number(object_at(found.raw, "position").get(axis)) for axis in ("x", "y")]
        if None not in place:
            canvas[named.id] = [number for number in place if number is not None]
        patch = difference(write_data(named, node, view), found.data, ignoring=_NOISE)
        if patch:
            _kept(node)["keys"] = patch
        if KEPT in node:
            node[KEPT] = node.pop(KEPT)  # what is kept stands last, so that documents read well
    if canvas:
        made.document["canvas"] = canvas
    _keep_frame(made)


def _kept(part: Any) -> dict[str, Any]:
    kept: dict[str, Any] = part.setdefault(KEPT, {})
    return kept


def _keep_frame(made: Importing) -> None:
    workflow = object_at(made.raw, "workflow")
    graph = {key: value for key, value in object_at(workflow, "graph").items() if key not in ("nodes", "edges")}
    wanted = {**made.raw, "workflow": {**workflow, "graph": graph}}
    patch = difference(frame.write_frame(made.document), wanted, ignoring=_NOISE)
    aside = {"nodes": made.sorted.aside_nodes, "edges": made.sorted.aside_edges}
    aside = {kind: parts for kind, parts in aside.items() if parts}
    if patch:
        _kept(made.document)["keys"] = patch
    if aside:
        _kept(made.document)["aside"] = aside
