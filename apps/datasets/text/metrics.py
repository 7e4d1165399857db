"""Owns the measures of a ranking: how good it is for one question, and how sure we are of the mean over many."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RESAMPLES = 1_000
SEED = 20_260_101
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and the bounds between which it lies in 95 of 100 resamplings of the questions."""

    mean: float
    low: float
    high: float


def ndcg(ranking: Sequence[str], relevant: Mapping[str, float], *, k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first k, 0 to 1, by the grades of what is relevant."""
    gained = sum(relevant.get(name, 0.0) / math.log2(rank + 1) for rank, name in enumerate(ranking[:k], start=1))
    best = sorted(relevant.values(), reverse=True)[:k]
    ideal = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, start=1))
    return gained / ideal if ideal > 0 else 0.0


def recall(ranking: Sequence[str], relevant: Mapping[str, float], *, k: int) -> float:
    """The share of what is relevant that is among the first k."""
    wanted = {name for name, grade in relevant.items() if grade > 0}
    return len(wanted & set(ranking[:k])) / len(wanted) if wanted else 0.0


def reciprocal_rank(ranking: Sequence[str], relevant: Mapping[str, float]) -> float:
    """One divided by the rank of the first relevant one; 0 when there is none."""
    hits = (rank for rank, name in enumerate(ranking, start=1) if relevant.get(name, 0.0) > 0)
    first = next(hits, None)
    return 1 / first if first else 0.0


def interval(values: Sequence[float], *, resamples: int = RESAMPLES) -> Interval:
    """The mean with its bootstrap interval: the same numbers always give the same bounds."""
    if not values:
        return Interval(mean=0.0, low=0.0, high=0.0)
    mean = math.fsum(values) / len(values)
    if len(values) == 1 or min(values) == max(values):
        return Interval(mean=mean, low=mean, high=mean)
    chance = random.Random(SEED)  # noqa: S311  a sample, not a secret
    means = sorted(math.fsum(chance.choices(values, k=len(values))) / len(values) for _ in range(resamples))
    tail = (1 - CONFIDENCE) / 2
    return Interval(mean=mean, low=means[int(tail * resamples)], high=means[int((1 - tail) * resamples) - 1])


def difference(values: Sequence[float], others: Sequence[float], *, resamples: int = RESAMPLES) -> Interval:
    """By how much the first beats the second, question by question; beyond doubt when the interval is clear of 0."""
    return interval([one - other for one, other in zip(values, others, strict=True)], resamples=resamples)
