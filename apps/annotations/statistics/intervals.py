"""How sure a figure is: Wilson's interval for shares, the bootstrap for all else; a seed always gives the same."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from apps.annotations.statistics.agreement import Label, Level, krippendorff_alpha

T = TypeVar("T")
ROUNDS = 2_000
#: Numbers drawn at once, so that large samples do not take memory for all rounds.
_DRAWN_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure, and the range that it lies in with the given confidence."""

    value: float
    low: float
    high: float


def wilson_interval(successes: int, total: int, *, confidence: float = 0.95) -> Interval | None:
    """A share with Wilson's score interval; it never leaves 0 to 1. None: nothing was tried."""
    if not 0 <= successes <= total:
        raise ValueError("successes must lie between none and all")
    if not total:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    reach = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if successes == 0 else middle - reach
    high = 1.0 if successes == total else middle + reach
    return Interval(value=share, low=low, high=high)


def bootstrap_interval(
    sample: Sequence[T],
    statistic: Callable[[Sequence[T]], float | None],
    *,
    confidence: float = 0.95,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Interval | None:
    """A statistic with the percentile interval of samples drawn again. None: it is not defined for this sample.

    Draws for which the statistic is not defined are left out.
    """
    value = statistic(sample) if sample else None
    if value is None:
        return None
    draw = random.Random(seed)  # noqa: S311 (repeatable on purpose)
    drawn = (statistic(draw.choices(sample, k=len(sample))) for _ in range(rounds))
    known = sorted(each for each in drawn if each is not None)
    low, high = _ends(known, confidence=confidence) if known else (value, value)
    return Interval(value=value, low=low, high=high)


def mean_interval(
    values: Sequence[float], *, confidence: float = 0.95, rounds: int = ROUNDS, seed: int = 0
) -> Interval | None:
    """The mean with its percentile bootstrap interval. None: there are no values."""
    if not values:
        return None
    sample = np.asarray(values, dtype=np.float64)
    means = resampled_means(sample, rounds=rounds, seed=seed)
    low, high = _ends(means, confidence=confidence)
    return Interval(value=float(sample.mean()), low=low, high=high)


def alpha_interval(
    units: Sequence[Sequence[Label]],
    *,
    level: Level = "nominal",
    order: Sequence[Label] | None = None,
    confidence: float = 0.95,
    rounds: int = 1_000,
    seed: int = 0,
) -> Interval | None:
    """Krippendorff's alpha with the interval that drawing the items again gives. None: not defined."""
    judged = [unit for unit in units if len(unit) > 1]

    def alpha(drawn: Sequence[Sequence[Label]]) -> float | None:
        return krippendorff_alpha(drawn, level=level, order=order).value

    return bootstrap_interval(judged, alpha, confidence=confidence, rounds=rounds, seed=seed)


def resampled_means(sample: np.ndarray, *, rounds: int, seed: int) -> list[float]:
    """The sorted means of samples drawn from this one with replacement."""
    draw = np.random.default_rng(seed)
    at_once = max(1, _DRAWN_AT_ONCE // len(sample))
    means: list[float] = []
    while len(means) < rounds:
        places = draw.integers(0, len(sample), size=(min(at_once, rounds - len(means)), len(sample)))
        means.extend(sample[places].mean(axis=1).tolist())
    return sorted(means)


def _ends(known: Sequence[float], *, confidence: float) -> tuple[float, float]:
    """The ends of the middle part, between two values where the end falls between them."""
    edge = (1 - confidence) / 2
    return _quantile(known, edge), _quantile(known, 1 - edge)


def _quantile(known: Sequence[float], share: float) -> float:
    place = share * (len(known) - 1)
    below = math.floor(place)
    above = min(below + 1, len(known) - 1)
    return known[below] + (place - below) * (known[above] - known[below])
