"""The graph of a trace: the workflow's own picture with what became of each node, or one made of what was called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.traces.admin.formats import duration
from apps.traces.models import Span, Trace
from apps.traces.selectors.trace_page import ways_chosen
from apps.traces.selectors.tree import Row, Tree
from apps.workflows.pages.drawing import MAX_NODES, Box, Drawing, draw
from apps.workflows.selectors.runs import team_run
from support.errors import NotFound

_DIGITS = re.compile(r"\d+")


@dataclass(slots=True, kw_only=True)
class Fate:
    """What became of a node: how often it ran, how long altogether, which span to open."""

    status: str
    span_id: UUID
    times: int = 0
    failed: int = 0
    took_us: int = 0
    tokens: int = 0
    is_critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box with its fate; None for a node that the trace does not know."""

    box: Box
    fate: Fate | None

    @property
    def words(self) -> str:
        """What stands below its title: how long, and how often."""
        if self.fate is None:
            return _("Not in this trace")
        if not self.fate.times:
            return _("Skipped")
        times = f" × {self.fate.times:,}" if self.fate.times > 1 else ""
        failed = ", " + _("%d failed") % self.fate.failed if self.fate.failed else ""
        return f"{duration(self.fate.took_us)}{times}{failed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An edge of the picture, and whether the run took it."""

    path: str
    tip: str
    label: str
    label_x: int
    label_y: int
    was_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The picture."""

    drawing: Drawing
    nodes: Sequence[Node]
    ways: Sequence[Way]
    #: Whether it is the picture of a workflow, not one made of spans.
    is_workflow: bool


def graph_of(trace: Trace, tree: Tree) -> Graph | None:
    """The graph; None where there is nothing that could be drawn so that somebody can read it."""
    document = _document(trace)
    fates = _fates(tree, by_node=document is not None)
    drawn = document or _document_of(tree)
    drawing = draw(drawn)
    if drawing is None:
        return None
    chosen = ways_chosen(trace) if document else {}
    ways = [
        Way(
            path=line.path,
            tip=line.tip,
            label=line.label,
            label_x=line.label_x,
            label_y=line.label_y,
            was_taken=_was_taken(edge, fates, chosen),
        )
        for line, edge in zip(drawing.lines, drawn.get("edges", []), strict=True)
    ]
    nodes = [Node(box=box, fate=fates.get(box.id)) for box in drawing.boxes]
    return Graph(drawing=drawing, nodes=nodes, ways=ways, is_workflow=document is not None)


def _document(trace: Trace) -> Mapping[str, Any] | None:
    if trace.run_id is None:
        return None
    try:
        document: Mapping[str, Any] = team_run(trace.run_id, team_ids=[trace.team_id]).version.document
    except NotFound:
        return None
    return document


def _was_taken(edge: Mapping[str, Any], fates: Mapping[str, Fate], chosen: Mapping[str, set[str]]) -> bool:
    one, other = fates.get(edge["from"]), fates.get(edge["to"])
    if one is None or other is None or not one.times or not other.times:
        return False
    when = str(edge.get("when") or "")
    return not when or edge["from"] not in chosen or when in chosen[edge["from"]]


def _fates(tree: Tree, *, by_node: bool) -> dict[str, Fate]:
    fates: dict[str, Fate] = {}
    for row in tree.rows:
        name = row.bone.node_id if by_node else _name(row)
        if name:
            _add(fates, name, row)
    return fates


def _add(fates: dict[str, Fate], name: str, row: Row) -> None:
    bone = row.bone
    fate = fates.setdefault(name, Fate(status=bone.status, span_id=bone.id))
    fate.is_critical |= row.is_critical
    if bone.status == Span.Status.SKIPPED:
        return
    if bone.status == Span.Status.ERROR and not fate.failed:
        fate.status, fate.span_id = bone.status, bone.id
    fate.failed += bone.status == Span.Status.ERROR
    fate.times += 1
    fate.took_us += bone.duration_us or 0
    fate.tokens += bone.input_tokens + bone.output_tokens


def _document_of(tree: Tree) -> Mapping[str, Any]:
    """A picture for traces from elsewhere: what has one name is one box, what came after or was called is a way on."""
    nodes: dict[str, dict[str, str]] = {}
    for row in tree.rows:
        kind = row.bone.node_type or row.bone.kind
        nodes.setdefault(_name(row), {"id": _name(row), "type": kind, "title": row.bone.name})
        if len(nodes) > MAX_NODES:
            return {}
    ranks = {name: rank for rank, name in enumerate(nodes)}
    pairs = dict.fromkeys(pair for pair in _pairs(tree) if ranks[pair[0]] < ranks[pair[1]])
    return {"nodes": list(nodes.values()), "edges": [{"from": one, "to": other} for one, other in pairs]}


def _pairs(tree: Tree) -> Iterator[tuple[str, str]]:
    before: dict[int, str] = {}
    for row in tree.rows:
        name = _name(row)
        if row.parent in before:
            yield before[row.parent], name
        elif row.parent >= 0:
            yield _name(tree.rows[row.parent]), name
        before[row.parent] = name


def _name(row: Row) -> str:
    return f"{row.bone.kind}:{_DIGITS.sub('#', row.bone.name)}"
