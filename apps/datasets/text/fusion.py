"""Owns putting the results of several searches together into one order.

A fused score is relative to its query: thresholds belong on a reranker's score or the raw similarity.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

RRF_K = 60

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg(Generic[K]):
    """What one search found, with how much it is trusted."""

    scores: Mapping[K, float]
    weight: float = 1.0


def min_max(scores: Mapping[K, float]) -> dict[K, float]:
    """Stretch scores to 0..1; a single candidate, and candidates that are all equal, get 1.0."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high <= low:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def weighted_sum(legs: Sequence[Leg[K]]) -> dict[K, float]:
    """Min-max each leg and add by weight; a candidate that a leg did not find gets 0 from it.

    Weights are taken relative to those of the legs that found anything, so the best possible is 1.0.
    """
    found = [leg for leg in legs if leg.scores and leg.weight > 0]
    total = sum(leg.weight for leg in found)
    fused: dict[K, float] = {}
    for leg in found:
        for key, score in min_max(leg.scores).items():
            fused[key] = fused.get(key, 0.0) + score * leg.weight / total
    return fused


def blend(
    lexical: Mapping[K, float], vectors: Sequence[Mapping[K, float]], *, weight_of: Callable[[K], float]
) -> dict[K, float]:
    """The weighted sum of the words and of the vectors, with a lexical weight for each candidate.

    Cosines of two vector spaces are never compared: each space is stretched for itself. Where only one side found
    anything, it counts whole.
    """
    words = min_max(lexical)
    similar: dict[K, float] = {}
    for leg in vectors:
        similar.update(min_max(leg))
    if not words or not similar:
        return words or similar
    return {
        key: weight_of(key) * words.get(key, 0.0) + (1 - weight_of(key)) * similar.get(key, 0.0)
        for key in words.keys() | similar.keys()
    }


def reciprocal_rank(legs: Sequence[Leg[K]], *, k: int = RRF_K) -> dict[K, float]:
    """Reciprocal rank fusion: robust to odd scales, but a weak leg counts as much as a strong one."""
    fused: dict[K, float] = {}
    for leg in legs:
        for rank, (key, _) in enumerate(ranked(leg.scores), start=1):
            fused[key] = fused.get(key, 0.0) + leg.weight / (k + rank)
    return fused


def ranked(scores: Mapping[K, float]) -> list[tuple[K, float]]:
    """Best first; equal scores in the order of their keys, so that a result never flickers."""

    def order(item: tuple[K, float]) -> tuple[float, Any]:
        return -item[1], item[0]

    return sorted(scores.items(), key=order)
