"""Where each span stands on the time axis: bars in per cent of the trace, marks of the ruler, the critical path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.traces.admin.formats import tick
from apps.traces.models import Span

#: A bar that is thinner than this could not be seen or hovered.
THINNEST = 0.4
#: The part of the column that the axis takes, in per cent; the rest is room for the last bar's label.
AXIS = 78.0
MOST_MARKS = 6
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar in per cent, as text that SVG takes: the wait for the first text, the rest, and the label behind them."""

    wait_x: str
    wait_width: str
    x: str
    width: str
    whole_width: str
    label_x: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark of the ruler."""

    x: str
    label: str


def extent(spans: Sequence[Span], *, duration_us: int) -> int:
    """The length of the axis: the run, or what sticks out of it (clocks of two machines differ)."""
    return max(1, duration_us, *map(_end, spans))


def bar_of(span: Span, *, total_us: int) -> Bar | None:
    """The bar of a span; None for one that never began. One without an end reaches to the end of the trace."""
    if span.offset_us is None:
        return None
    start = AXIS * span.offset_us / total_us
    duration_us = total_us - span.offset_us if span.duration_us is None else span.duration_us
    width = max(THINNEST, AXIS * duration_us / total_us)
    start = min(start, AXIS - width)
    wait = min(width, AXIS * (span.first_text_us or 0) / total_us)
    return Bar(
        wait_x=_percent(start),
        wait_width=_percent(wait) if wait else "",
        x=_percent(start + wait),
        width=_percent(width - wait),
        whole_width=_percent(width),
        label_x=_percent(start + width),
    )


def marks(total_us: int) -> list[Mark]:
    """Round times along the axis, at most six."""
    step = _round_step(total_us / MOST_MARKS)
    places = range(0, total_us + 1, step)
    return [Mark(x=_percent(AXIS * place / total_us), label=tick(place)) for place in places]


def critical_path(spans: Sequence[Span]) -> frozenset[UUID]:
    """The chain of steps that the run had to wait for; empty where all steps are in it and marking says nothing."""
    steps = {span.node_id: span for span in spans if span.node_id and span.duration_us is not None}
    if not steps:
        return frozenset()
    current: Span | None = max(steps.values(), key=lambda span: (_end(span), span.position))
    chain: set[UUID] = set()
    while current is not None and current.id not in chain:
        chain.add(current.id)
        current = steps.get(current.predecessor)
    return frozenset(chain) if len(chain) < len(steps) else frozenset()


def _end(span: Span) -> int:
    return (span.offset_us or 0) + (span.duration_us or 0)


def _round_step(least: float) -> int:
    step = 1
    while True:
        for factor in _STEPS:
            if step * factor >= least:
                return step * factor
        step *= 10


def _percent(value: float) -> str:
    return f"{value:.3f}%"
