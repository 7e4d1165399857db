"""Medians, percentiles and ratios of measured times."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

__all__ = ["median", "p95", "spread"]


def p95(times: Sequence[float]) -> float:
    """The time that 95 of 100 did not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def spread(times: Sequence[float]) -> dict[str, Any]:
    """What the JSON shows of one series."""
    return {
        "median": round(median(times), 3),
        "p95": round(p95(times), 3),
        "least": round(min(times), 3),
        "n": len(times),
    }
