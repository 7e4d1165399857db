"""Latencies of runs as columns of an inline SVG (attributes only: the policy of our pages allows no styles)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

#: Of the drawing, in per cent; the least height that can be seen.
GAP, LEAST_HEIGHT = 12.0, 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Runs between two bounds, in milliseconds; `to_ms` is None for the last, which is open."""

    from_ms: float
    to_ms: float | None
    runs: int
    share: float
    #: Where it stands in the drawing: numbers for attributes, never localised.
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """The columns that hold something and those between them, and what they say in numbers.

    A quantile is the bound below which that share of the runs was; None when it was beyond `longest_ms`, the last.
    """

    columns: tuple[Column, ...]
    runs: int
    mean_ms: float
    longest_ms: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def histogram_of(latency: Mapping[str, Any]) -> Histogram | None:
    """Read `{"bounds", "counts", "sum", "count"}`; None where there is nothing to draw, or it is not that."""
    bounds, counts = latency.get("bounds"), latency.get("counts")
    if not _are_numbers(bounds) or not _are_numbers(counts) or len(counts) != len(bounds) + 1:
        return None
    total = int(sum(counts))
    if total <= 0:
        return None
    summed = latency.get("sum", 0)
    return Histogram(
        columns=_columns(bounds, counts, total),
        runs=total,
        mean_ms=float(summed) / total if isinstance(summed, int | float) else 0.0,
        longest_ms=float(bounds[-1]) if bounds else 0.0,
        p50_ms=_quantile(bounds, counts, 0.5),
        p95_ms=_quantile(bounds, counts, 0.95),
        p99_ms=_quantile(bounds, counts, 0.99),
    )


def _are_numbers(values: Any) -> TypeGuard[list[Any]]:
    return isinstance(values, list) and all(isinstance(value, int | float) and value >= 0 for value in values)


def _columns(bounds: Sequence[float], counts: Sequence[int], total: int) -> tuple[Column, ...]:
    filled = [place for place, runs in enumerate(counts) if runs]
    places = range(max(0, filled[0] - 1), min(len(counts), filled[-1] + 2))
    step, most = 100 / len(places), max(counts)
    made = []
    for position, place in enumerate(places):
        runs = int(counts[place])
        height = max(LEAST_HEIGHT, runs / most * 100) if runs else 0.0
        made.append(
            Column(
                from_ms=bounds[place - 1] if place else 0.0,
                to_ms=bounds[place] if place < len(bounds) else None,
                runs=runs,
                share=runs / total * 100,
                x=_attribute(position * step + step * GAP / 200),
                y=_attribute(100 - height),
                width=_attribute(step * (1 - GAP / 100)),
                height=_attribute(height),
            )
        )
    return tuple(made)


def _quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    wanted, seen = share * sum(counts), 0
    for place, runs in enumerate(counts):
        seen += runs
        if seen >= wanted:
            return bounds[place] if place < len(bounds) else None
    return None


def _attribute(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
