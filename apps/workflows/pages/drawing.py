"""Draws a document's graph: where boxes and lines go. Pure; the template turns it into SVG."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

BOX_W, BOX_H = 180, 52
GAP_X, GAP_Y = 60, 20
PASSING_H = 8  # the room of a line that passes between boxes
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
    nodes = {node["id"]: node for node in document.get("nodes", [])}
    if not nodes or len(nodes) > MAX_NODES:
        return None
    edges = [(edge["from"], edge["to"], str(edge.get("when") or "")) for edge in document.get("edges", [])]
    ranks = _rank(list(nodes), edges)
    ways = [_way(one, other, ranks) for one, other, _ in edges]
    tops = _place(nodes, ways, ranks)
    boxes = {node_id: _box(node, ranks[node_id], tops[node_id]) for node_id, node in nodes.items()}
    return Drawing(
        width=max(box.x for box in boxes.values()) + BOX_W + MARGIN,
        height=max(top + (BOX_H if place in nodes else PASSING_H) for place, top in tops.items()) + MARGIN,
        boxes=list(boxes.values()),
        lines=[_line(way, label, boxes, ranks, tops) for way, (_, _, label) in zip(ways, edges, strict=True)],
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


def _way(one: str, other: str, ranks: dict[str, int]) -> list[str]:
    """The edge as a chain of places: its ends, and one between the boxes of every rank that it passes."""
    passed = range(ranks[one] + 1, ranks[other])
    places = [f"{one}>{other}@{rank}" for rank in passed]
    ranks |= dict(zip(places, passed, strict=True))
    return [one, *places, other]


def _place(nodes: Mapping[str, Any], ways: list[list[str]], ranks: dict[str, int]) -> dict[str, int]:
    """The top of every place. In a column, places stand near the mean height of those that lead to them."""
    before: dict[str, list[str]] = defaultdict(list)
    for way in ways:
        for one, other in pairwise(way):
            before[other].append(one)
    columns: dict[int, list[str]] = defaultdict(list)
    for place in [*nodes, *(place for way in ways for place in way[1:-1])]:
        if place not in columns[ranks[place]]:
            columns[ranks[place]].append(place)
    heights = {place: BOX_H if place in nodes else PASSING_H for place in ranks}
    extent = {rank: sum(heights[place] + GAP_Y for place in column) for rank, column in columns.items()}
    tops: dict[str, int] = {}
    tallest = max(extent.values())
    for rank in sorted(columns):
        top = MARGIN + (tallest - extent[rank]) // 2
        for place in sorted(columns[rank], key=lambda place: _wish(before[place], tops, heights)):
            tops[place] = top
            top += heights[place] + GAP_Y
    return tops


def _wish(before: list[str], tops: dict[str, int], heights: dict[str, int]) -> float:
    middles = [tops[place] + heights[place] / 2 for place in before if place in tops]
    return sum(middles) / len(middles) if middles else 0.0


def _box(node: Mapping[str, Any], rank: int, top: int) -> Box:
    title = node.get("title") or node["id"].replace("_", " ").capitalize()
    return Box(
        id=node["id"],
        type=node["type"],
        title=_short(title),
        full_title=title,
        x=MARGIN + rank * (BOX_W + GAP_X),
        y=top,
    )


def _line(way: list[str], label: str, boxes: dict[str, Box], ranks: dict[str, int], tops: dict[str, int]) -> Line:
    one, other = boxes[way[0]], boxes[way[-1]]
    x, y = one.x + BOX_W, one.middle
    path = [f"M {x} {y}"]
    first_bend = (x, y)
    for place in way[1:]:
        left = MARGIN + ranks[place] * (BOX_W + GAP_X)
        middle = other.middle if place == other.id else tops[place] + PASSING_H // 2
        end = left - 5 if place == other.id else left
        half = (end - x) // 2
        path.append(f"C {x + half} {y}, {end - half} {middle}, {end} {middle}")
        if place == way[1]:
            first_bend = ((x + end) // 2, (y + middle) // 2)
        x, y = end, middle
        if place != other.id:
            x += BOX_W
            path.append(f"H {x}")
    return Line(
        path=" ".join(path),
        tip=f"M {other.x} {other.middle} l -7 -4 v 8 z",
        label=label,
        label_x=first_bend[0],
        label_y=first_bend[1] + 4,
    )


def _short(title: str) -> str:
    """What fits into a box."""
    room = TITLE_CELLS
    for at, character in enumerate(title):
        room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if room < 0:
            return title[: max(1, at - 1)] + "…"
    return title
