"""The picture of a graph: nothing overlaps, and no line runs through a box."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows.pages.drawing import BOX_H, BOX_W, MAX_NODES, Drawing, draw


def document(nodes: int, edges: list[tuple[int, int]]) -> dict[str, Any]:
    return {
        "nodes": [{"id": f"n{number}", "type": "llm"} for number in range(nodes)],
        "edges": [{"from": f"n{one}", "to": f"n{other}"} for one, other in edges],
    }


@st.composite
def graphs(drawn: st.DrawFn) -> dict[str, Any]:
    """Graphs without circles: every edge leads from a lower to a higher number."""
    count = drawn(st.integers(2, 10))
    pairs = [(one, other) for one in range(count) for other in range(one + 1, count)]
    return document(count, drawn(st.lists(st.sampled_from(pairs), unique=True, max_size=20)))


def straight_parts(drawing: Drawing) -> list[tuple[int, int, int]]:
    """Where lines pass a column: from x, to x, at y."""
    parts = []
    for line in drawing.lines:
        for x, y, to in re.findall(r"(-?\d+) (-?\d+) H (-?\d+)", line.path):
            parts.append((int(x), int(to), int(y)))
    return parts


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_boxes_never_overlap_and_lines_pass_between_them(graph: dict[str, Any]) -> None:
    drawing = draw(graph)
    assert drawing is not None
    boxes = drawing.boxes
    for at, one in enumerate(boxes):
        assert 0 <= one.x <= drawing.width - BOX_W
        assert 0 <= one.y <= drawing.height - BOX_H
        for other in boxes[at + 1 :]:
            assert abs(one.x - other.x) >= BOX_W or abs(one.y - other.y) >= BOX_H
        for start, end, y in straight_parts(drawing):
            assert end <= one.x or start >= one.x + BOX_W or not one.y <= y <= one.y + BOX_H
    assert len(drawing.lines) == len(graph["edges"])


def test_a_line_over_several_columns_has_a_way_of_its_own() -> None:
    drawing = draw(document(4, [(0, 1), (1, 2), (2, 3), (0, 3)]))
    assert drawing is not None
    assert len(straight_parts(drawing)) == 2


def test_long_titles_are_cut_to_what_fits_also_in_chinese() -> None:
    nodes = [{"id": "a", "type": "llm", "title": "x" * 60}, {"id": "b", "type": "llm", "title": "很" * 60}]
    drawing = draw({"nodes": nodes})
    assert drawing is not None
    assert [len(box.title) for box in drawing.boxes] == [18, 9]
    assert [box.full_title for box in drawing.boxes] == ["x" * 60, "很" * 60]


def test_nothing_and_too_much_are_not_drawn() -> None:
    assert draw({}) is None
    assert draw(document(MAX_NODES + 1, [])) is None
