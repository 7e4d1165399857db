"""The left side of the trace page: rows of the span tree with their bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.traces.admin import timeline
from apps.traces.admin.formats import duration
from apps.traces.models import Span, Trace

_DEEPEST = 8
#: What a reader opens first: where it went wrong, else what the model was asked and said, else what was found.
_INTERESTING = (Span.Kind.LLM, Span.Kind.AGENT, Span.Kind.RETRIEVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the tree."""

    span: Span
    #: What the icon and the hue are chosen by: node types say more than kinds.
    kind: str
    depth: int
    duration: str
    bar: timeline.Bar | None
    is_critical: bool
    #: What the search inside the trace looks at, in lower case.
    haystack: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The rows, the ruler above them, and what is open at load."""

    rows: Sequence[Row]
    marks: Sequence[timeline.Mark]
    total_us: int
    #: The part of the column that is the time axis, as a script reads it.
    axis: str
    opened: Span | None
    errors: int


def tree_of(trace: Trace, spans: Sequence[Span], *, wanted: UUID | None) -> Tree:
    """The tree of a trace; `wanted` is the span the address asks for."""
    total_us = timeline.extent(spans, duration_us=trace.duration_us)
    critical = timeline.critical_path(spans)
    depths: dict[str, int] = {}
    rows = []
    for span in spans:
        depth = depths[span.key] = min(_DEEPEST, depths.get(span.parent_key, -1) + 1) if span.parent_key else 0
        rows.append(
            Row(
                span=span,
                kind=span.node_type or span.kind,
                depth=depth,
                duration=duration(span.duration_us),
                bar=timeline.bar_of(span, total_us=total_us),
                is_critical=span.id in critical,
                haystack=_haystack(span),
            )
        )
    return Tree(
        rows=rows,
        marks=timeline.marks(total_us),
        total_us=total_us,
        axis=str(timeline.AXIS / 100),
        opened=_opened(spans, wanted),
        errors=sum(span.status == Span.Status.ERROR for span in spans[1:]),
    )


def _opened(spans: Sequence[Span], wanted: UUID | None) -> Span | None:
    asked = next((span for span in spans if span.id == wanted), None)
    if asked is not None or not spans:
        return asked
    steps = spans[1:]
    failed = next((span for span in steps if span.status == Span.Status.ERROR), None)
    if failed is not None:
        return failed
    for kind in _INTERESTING:
        found = next((span for span in steps if span.kind == kind and span.offset_us is not None), None)
        if found is not None:
            return found
    return spans[0]


def _haystack(span: Span) -> str:
    parts = (span.name, span.node_id, span.node_type, span.model, span.input_preview, span.output_preview)
    return " ".join((*parts, span.error_code, span.error_message[:300])).lower()
