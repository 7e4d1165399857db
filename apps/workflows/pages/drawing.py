"""Draws a document's graph: where boxes and lines go. Pure; the template turns it into SVG."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BOX_W, BOX_H = 176, 52
GAP_X, GAP_Y = 72, 24
MARGIN = 12
MAX_NODES = 200
TITLE_CELLS = 18  # Chinese characters take two


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node's box; `x` and `y` are its top left corner in pixels."""

    id: str
    type: str
    title: str
    full_title: str
    x: int
    y: int

    @property
    def label_x(self) -> int:
        return self.x + 42

    @property
    def icon_x(self) -> int:
        return self.x + 15

    @property
    def icon_y(self) -> int:
        return self.middle - 8

    @property
    def middle(self) -> int:
        return self.y + BOX_H // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An edge as an SVG path with an arrow's tip, and its way's name in the middle at (`label_x`, `label_y`)."""

    path: str
    tip: str
    label: str
    label_x: int
    label_y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The whole picture in pixels."""

    width: int
    height: int
    boxes: list[Box]
    lines: list[Line]
    box_width: int = BOX_W
    box_height: int = BOX_H


def draw(document: Mapping[str, Any]) -> Drawing | None:
    """Lay the graph out in ranks from left to right; None for one too large to be read as a picture."""
    nodes = document.get("nodes", [])
    if not nodes or len(nodes) > MAX_NODES:
        return None
    edges = [(edge["from"], edge["to"], str(edge.get("when") or "")) for edge in document.get("edges", [])]
    ranks = _rank([node["id"] for node in nodes], edges)
    boxes = _place(nodes, edges, ranks)
    return Drawing(
        width=max(box.x for box in boxes.values()) + BOX_W + MARGIN,
        height=max(box.y for box in boxes.values()) + BOX_H + MARGIN,
        boxes=list(boxes.values()),
        lines=[_line(boxes[one], boxes[other], label) for one, other, label in edges],
    )


def _rank(ids: list[str], edges: list[tuple[str, str, str]]) -> dict[str, int]:
    """The longest way from a start to each node. Documents here are valid, so there is no cycle."""
    ranks = dict.fromkeys(ids, 0)
    left: dict[str, int] = defaultdict(int)
    following: dict[str, list[str]] = defaultdict(list)
    for one, other, _ in edges:
        left[other] += 1
        following[one].append(other)
    ready = [node_id for node_id in ids if not left[node_id]]
    while ready:
        node_id = ready.pop()
        for other in following[node_id]:
            ranks[other] = max(ranks[other], ranks[node_id] + 1)
            left[other] -= 1
            if not left[other]:
                ready.append(other)
    return ranks


def _place(nodes: list[Mapping[str, Any]], edges: list[tuple[str, str, str]], ranks: dict[str, int]) -> dict[str, Box]:
    """Columns by rank; in a column nodes stand near the mean height of those before them."""
    before: dict[str, list[str]] = defaultdict(list)
    for one, other, _ in edges:
        before[other].append(one)
    columns: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for node in nodes:
        columns[ranks[node["id"]]].append(node)
    tallest = max(map(len, columns.values()))
    boxes: dict[str, Box] = {}
    for rank in sorted(columns):
        column = sorted(columns[rank], key=lambda node: _wish(node["id"], before, boxes))
        offset = MARGIN + (tallest - len(column)) * (BOX_H + GAP_Y) // 2
        for place, node in enumerate(column):
            boxes[node["id"]] = Box(
                id=node["id"],
                type=node["type"],
                title=_short(node.get("title") or node["id"]),
                full_title=node.get("title") or node["id"],
                x=MARGIN + rank * (BOX_W + GAP_X),
                y=offset + place * (BOX_H + GAP_Y),
            )
    return boxes


def _wish(node_id: str, before: dict[str, list[str]], boxes: dict[str, Box]) -> float:
    heights = [boxes[other].y for other in before[node_id] if other in boxes]
    return sum(heights) / len(heights) if heights else 0.0


def _line(one: Box, other: Box, label: str) -> Line:
    x1, y1, x2, y2 = one.x + BOX_W, one.middle, other.x - 5, other.middle
    bend = max(28, (x2 - x1) // 2)
    return Line(
        path=f"M {x1} {y1} C {x1 + bend} {y1}, {x2 - bend} {y2}, {x2} {y2}",
        tip=f"M {x2 + 5} {y2} l -7 -4 v 8 z",
        label=label,
        label_x=(x1 + x2) // 2,
        label_y=(y1 + y2) // 2 + 4,
    )


def _short(title: str) -> str:
    """What fits into a box."""
    room = TITLE_CELLS
    for at, character in enumerate(title):
        room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if room < 0:
            return title[: max(1, at - 1)] + "…"
    return title
