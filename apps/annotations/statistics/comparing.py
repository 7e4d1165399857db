"""Whether one of two ways that were tried on the same items is better, or whether that is chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.annotations.statistics.intervals import Interval, mean_interval

#: With so few pairs that differ, all signs are gone through; the p value is then exact.
_EXACT_UP_TO = 16
#: From here on the binomial is told from its approximation by nobody.
_EXACT_MCNEMAR = 1_000
_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The second way against the first, item by item."""

    items: int
    better: int
    worse: int
    same: int
    #: Mean difference (second minus first) with its bootstrap interval.
    difference: Interval
    #: The chance of a difference at least this large if both ways were equally good.
    p_value: float

    def is_significant(self, *, level: float = 0.05) -> bool:
        """Whether chance is unlikely to have done it."""
        return self.p_value < level


def mcnemar(*, only_first: int, only_second: int) -> float:
    """The two-sided p value for pass/fail on the same items; who passed with one way only is what counts.

    Exact (binomial) up to a thousand such items, then chi-square with continuity correction.
    """
    if only_first < 0 or only_second < 0:
        raise ValueError("counts cannot be negative")
    differing = only_first + only_second
    if not differing:
        return 1.0
    if differing <= _EXACT_MCNEMAR:
        fewer = min(only_first, only_second)
        tail = sum(math.comb(differing, k) for k in range(fewer + 1))
        return min(1.0, float(2 * tail / 2**differing))
    apart = max(0, abs(only_first - only_second) - 1)
    return math.erfc(math.sqrt(apart * apart / differing / 2))


def paired_permutation(differences: Sequence[float], *, rounds: int = 10_000, seed: int = 0) -> float:
    """The two-sided p value of a mean difference: how often random signs make one at least as large.

    Exact for few items that differ; otherwise by `rounds` draws, the seen arrangement counted as one of them.
    """
    differing = np.asarray([each for each in differences if each], dtype=np.float64)
    if not len(differing):
        return 1.0
    seen = abs(differing.sum()) * (1 - _TOLERANCE)
    if len(differing) <= _EXACT_UP_TO:
        bits = np.arange(2 ** len(differing))[:, None] >> np.arange(len(differing)) & 1
        return float(np.mean(np.abs((1 - 2 * bits) @ differing) >= seen))
    draw = np.random.default_rng(seed)
    at_once = max(1, 2_000_000 // len(differing))
    reached = done = 0
    while done < rounds:
        now = min(at_once, rounds - done)
        signs = 1 - 2 * draw.integers(0, 2, size=(now, len(differing)), dtype=np.int8)
        reached += int(np.count_nonzero(np.abs(signs @ differing) >= seen))
        done += now
    return (reached + 1) / (rounds + 1)


def compare_paired(
    pairs: Sequence[tuple[float, float]], *, confidence: float = 0.95, seed: int = 0
) -> Comparison | None:
    """Scores of the same items by two ways. None: there are none.

    Where all scores are 0 or 1 the p value is McNemar's, otherwise that of the permutation test.
    """
    differences = [second - first for first, second in pairs]
    interval = mean_interval(differences, confidence=confidence, seed=seed)
    if interval is None:
        return None
    better = sum(each > 0 for each in differences)
    worse = sum(each < 0 for each in differences)
    pass_or_fail = all(score in (0, 1) for pair in pairs for score in pair)
    return Comparison(
        items=len(pairs),
        better=better,
        worse=worse,
        same=len(pairs) - better - worse,
        difference=interval,
        p_value=(
            mcnemar(only_first=worse, only_second=better)
            if pass_or_fail
            else paired_permutation(differences, seed=seed)
        ),
    )
