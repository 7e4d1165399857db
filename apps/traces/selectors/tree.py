"""Arranges the spans of a trace as a tree, whatever they look like: late, orphaned, cyclic, from clocks that differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from apps.traces.selectors.repeats import Siblings, repeats
from apps.traces.selectors.timing import Interval, critical_path, own_times

#: How much earlier than its parent a span may begin before the clocks are said to differ, in microseconds.
CLOCK_TOLERANCE = 1_000
_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FAR = 1 << 62


class Bone(NamedTuple):
    """What the tree needs of a span; the columns of its table, by name."""

    id: UUID
    key: str
    parent_key: str
    name: str
    kind: str
    node_id: str
    node_type: str
    predecessor: str
    position: int
    #: Microseconds since 1970: a number is read ten times as fast as a date.
    started_us: int | None
    duration_us: int | None
    first_text_us: int | None
    status: str
    error_code: str
    error_handled: bool
    model: str
    input_tokens: int
    output_tokens: int
    cost: Decimal | None


@dataclass(slots=True, kw_only=True)
class Row:
    """A span at its place; rows stand depth first."""

    bone: Bone
    depth: int
    #: The row of its parent, -1 for one at the top.
    parent: int
    #: The row after the last one below it.
    end: int = 0
    #: Microseconds since the trace began; None for a span that never began.
    offset_us: int | None = None
    #: What of its time no child accounts for.
    own_us: int = 0
    is_critical: bool = False
    #: It names a parent that is not there (yet).
    is_orphan: bool = False
    #: It is its own ancestor: the circle is cut here.
    is_cyclic: bool = False
    #: It began before its parent did.
    is_skewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Siblings that do the same again and again, shown as one row until somebody unfolds it."""

    first: int
    #: The row after the last one below the last of them.
    end: int
    times: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The rows of a trace and how long it takes altogether."""

    rows: Sequence[Row] = field(default_factory=list)
    groups: Sequence[Group] = ()
    total_us: int = 1
    #: What began first: offsets count from here.
    zero: dt.datetime | None = None


def arrange(bones: Sequence[Bone], *, began: dt.datetime, took_us: int = 0, caller: str = "") -> Tree:
    """The tree of these spans.

    `began` and `took_us` are the trace's own; what sticks out of them makes the axis longer. `caller` is the span of
    another program that caused the trace: whoever names it as a parent is no orphan.
    """
    if not bones:
        return Tree(zero=began)
    zero_us = min(_micros(began), *(bone.started_us for bone in bones if bone.started_us is not None), _FAR)
    forest = _Forest(bones, zero_us=zero_us, caller=caller)
    rows = forest.rows()
    intervals = [_interval(row) for row in rows]
    children = _children(rows)
    total_us = max(1, took_us, *(until for _, until in intervals))
    for at, own in enumerate(own_times(intervals, children)):
        rows[at].own_us = own
    for at in critical_path(intervals, children, _causes(rows, children)):
        rows[at].is_critical = True
    groups = [
        Group(
            first=found.first,
            end=rows[found.last].end,
            times=found.times,
            names=tuple(dict.fromkeys(rows[at].bone.name for at in found.pattern)),
        )
        for siblings in children
        for found in repeats(_siblings(rows, siblings))
    ]
    groups.sort(key=lambda group: (group.first, -group.end))
    return Tree(rows=rows, groups=groups, total_us=total_us, zero=_EPOCH + zero_us * _MICROSECOND)


class _Forest:
    """Finds each span its parent, and walks the trees that result."""

    def __init__(self, bones: Sequence[Bone], *, zero_us: int, caller: str) -> None:
        self._offsets = [None if bone.started_us is None else bone.started_us - zero_us for bone in bones]
        self._bones = bones
        self._caller = caller
        self._is_mixed = any(bone.position for bone in bones) and any(
            not bone.position and bone.parent_key not in ("", caller) for bone in bones
        )
        self._order = sorted(range(len(bones)), key=self._place)
        self._orphans: set[int] = set()
        self._cuts: set[int] = set()
        self._parents = self._find_parents()
        self._cut_circles()
        self._below: dict[int, list[int]] = {}
        for at in self._order:
            self._below.setdefault(self._parents[at], []).append(at)

    def _place(self, at: int) -> tuple[int, int, int]:
        """Steps of a run have places, those from elsewhere none: a tree with both is in the order of beginnings."""
        bone, offset = self._bones[at], self._offsets[at]
        if self._is_mixed:
            return _FAR if offset is None else offset, bone.position, bone.id.int
        return bone.position, offset or 0, bone.id.int

    def _find_parents(self) -> list[int]:
        by_key: dict[str, int] = {}
        for at in self._order:
            if self._bones[at].key:
                by_key.setdefault(self._bones[at].key, at)
        parents = []
        for at, bone in enumerate(self._bones):
            parent = by_key.get(bone.parent_key, -1) if bone.parent_key else -1
            if parent < 0 and bone.parent_key and bone.parent_key != self._caller:
                self._orphans.add(at)
            parents.append(parent)
        return parents

    def _cut_circles(self) -> None:
        """Put the first span of every circle at the top: from there all others of it are reached."""
        rank = {at: place for place, at in enumerate(self._order)}
        state = [0] * len(self._bones)  # 0 not seen, 1 on the way up, 2 known to end at the top
        for at in self._order:
            way = []
            while at >= 0 and not state[at]:
                state[at] = 1
                way.append(at)
                at = self._parents[at]
            if at >= 0 and state[at] == 1:
                first = min(way[way.index(at) :], key=rank.__getitem__)
                self._parents[first] = -1
                self._cuts.add(first)
            for one in way:
                state[one] = 2

    def rows(self) -> list[Row]:
        rows: list[Row] = []
        stack = [(at, -1) for at in reversed(self._below.get(-1, ()))]
        while stack:
            at, parent = stack.pop()
            if at < 0:
                rows[parent].end = len(rows)
                continue
            here = len(rows)
            rows.append(self._row(at, rows[parent] if parent >= 0 else None, parent))
            stack.append((-1, here))
            stack.extend((child, here) for child in reversed(self._below.get(at, ())))
        return rows

    def _row(self, at: int, parent: Row | None, place: int) -> Row:
        offset = self._offsets[at]
        before = parent.offset_us if parent is not None else None
        return Row(
            bone=self._bones[at],
            depth=0 if parent is None else parent.depth + 1,
            parent=place,
            offset_us=offset,
            is_orphan=at in self._orphans,
            is_cyclic=at in self._cuts,
            is_skewed=offset is not None and before is not None and offset < before - CLOCK_TOLERANCE,
        )


def _children(rows: Sequence[Row]) -> list[list[int]]:
    """The children of each row, and at the end what stands at the top."""
    children: list[list[int]] = [[] for _ in range(len(rows) + 1)]
    for at, row in enumerate(rows):
        children[row.parent].append(at)
    return children


def _causes(rows: Sequence[Row], children: Sequence[Sequence[int]]) -> list[int]:
    """The sibling after which each row could begin, where the run said so; else -1."""
    causes = [-1] * len(rows)
    for siblings in children:
        latest: dict[str, int] = {}
        for at in siblings:
            bone = rows[at].bone
            if bone.predecessor:
                causes[at] = latest.get(bone.predecessor, -1)
            if bone.node_id and rows[at].offset_us is not None:
                latest[bone.node_id] = at
    return causes


def _micros(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _interval(row: Row) -> Interval:
    if row.offset_us is None:
        return 0, 0
    return row.offset_us, row.offset_us + max(0, row.bone.duration_us or 0)


def _siblings(rows: Sequence[Row], places: Sequence[int]) -> Siblings:
    of_loop = bool(places) and rows[places[0]].parent >= 0 and rows[rows[places[0]].parent].bone.kind == "loop"
    return Siblings(
        places=places,
        names=[(rows[at].bone.kind, rows[at].bone.node_id or rows[at].bone.name) for at in places],
        are_named=[bool(rows[at].bone.node_id) for at in places],
        of_loop=of_loop,
    )
