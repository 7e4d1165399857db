"""A trace as its page's script reads it: rows of numbers, with every text that repeats said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from apps.traces.models import Span, Trace
from apps.traces.selectors.trace_page import bones_of
from apps.traces.selectors.tree import Group, Row, Tree, arrange

CRITICAL, ORPHAN, CYCLIC, SKEWED, HANDLED = 1, 2, 4, 8, 16
#: What a reader opens first: where it went wrong, else what the model was asked and said, else what was found.
_TELLING = (Span.Kind.LLM, Span.Kind.AGENT, Span.Kind.RETRIEVAL)


class _Texts:
    """Texts by number."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.all)
            self.all.append(text)
        return found


def tree_of(trace: Trace, *, limit: int) -> Tree:
    """The tree of the first spans of a trace."""
    return arrange(
        bones_of(trace, limit=limit), began=trace.started_at, took_us=trace.duration_us, caller=trace.external_parent
    )


def skeleton_of(trace: Trace, tree: Tree) -> dict[str, Any]:
    """The rows, in the order of `columns`, and the groups."""
    texts = _Texts()
    return {
        "columns": COLUMNS,
        "rows": [_row(row, texts) for row in tree.rows],
        "groups": [_group(group, tree.rows, texts) for group in tree.groups],
        "texts": texts.all,
        "total_us": tree.total_us,
        "spans": max(trace.span_count, len(tree.rows)),
        "slowest": slowest(tree),
    }


def as_json(skeleton: dict[str, Any]) -> bytes:
    """The skeleton for the wire."""
    return orjson.dumps(skeleton)


def opened_first(tree: Tree, wanted: UUID | None) -> UUID | None:
    """The span that is open when the page comes: the one that was asked for, else the most telling one."""
    rows = tree.rows
    if not rows:
        return None
    if wanted is not None and any(row.bone.id == wanted for row in rows):
        return wanted
    steps = rows[1:]
    failed = [row for row in steps if row.bone.status == Span.Status.ERROR]
    if failed:
        # The deepest of the first failure: what holds it failed because of it.
        first = failed[0]
        return next((row for row in reversed(failed) if _leads_to(rows, row, first)), first).bone.id
    for kind in _TELLING:
        found = next((row for row in steps if row.bone.kind == kind and row.offset_us is not None), None)
        if found is not None:
            return found.bone.id
    return rows[0].bone.id


def _leads_to(rows: Sequence[Row], row: Row, first: Row) -> bool:
    while row is not first and row.parent >= 0:
        above = rows[row.parent]
        if above.bone.status != Span.Status.ERROR:
            return False
        row = above
    return row is first


def slowest(tree: Tree) -> int | None:
    """The row that took most time by itself, among those that were waited for; None where that says nothing."""
    rows = tree.rows
    waited = [at for at in range(1, len(rows)) if rows[at].is_critical] or list(range(1, len(rows)))
    if not waited:
        return None
    most = max(waited, key=lambda at: rows[at].own_us)
    return most if rows[most].own_us * 5 >= tree.total_us else None


COLUMNS = (
    *("id", "name", "kind", "depth", "parent", "end", "offset", "duration", "first", "own", "status", "flags"),
    *("tokens", "cost", "model", "node", "error"),
)


def _row(row: Row, texts: _Texts) -> list[Any]:
    bone = row.bone
    flags = (
        CRITICAL * row.is_critical
        | ORPHAN * row.is_orphan
        | CYCLIC * row.is_cyclic
        | SKEWED * row.is_skewed
        | HANDLED * bone.error_handled
    )
    return [
        str(bone.id),
        texts.number(bone.name),
        texts.number(bone.node_type or bone.kind),
        row.depth,
        row.parent,
        row.end,
        row.offset_us,
        bone.duration_us,
        bone.first_text_us,
        row.own_us,
        texts.number(bone.status),
        flags,
        bone.input_tokens + bone.output_tokens,
        None if bone.cost is None else float(bone.cost),
        texts.number(bone.model),
        texts.number(bone.node_id),
        texts.number(bone.error_code),
    ]


def _group(group: Group, rows: Sequence[Row], texts: _Texts) -> list[Any]:
    errors = sum(row.bone.status == Span.Status.ERROR for row in rows[group.first : group.end])
    return [group.first, group.end, group.times, [texts.number(name) for name in group.names], errors]
