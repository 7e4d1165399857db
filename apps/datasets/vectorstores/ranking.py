"""Order among hits, and the two ways to keep it where a store returns only so many: ask for more, or look at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from apps.datasets.vectorstores.protocol import Hit, Record

MARGIN = 16
MOST = 4_096


def ordered(hits: Iterable[Hit]) -> list[Hit]:
    """By score, then by id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def clipped(score: float) -> float:
    """Within 0..1; rounded where single precision ends, so that equal vectors have equal scores."""
    return min(1.0, max(0.0, round(score, 6)))


def best(search: Callable[[int], list[Hit]], k: int) -> list[Hit]:
    """The first k in order. Asks for more than k, until the last one found is no tie of the k-th."""
    limit = k + MARGIN
    while True:
        hits = ordered(search(limit))
        settled = len(hits) < limit or hits[-1].score < hits[k - 1].score
        if settled or limit >= max(MOST, k + MARGIN):
            return hits[:k]
        limit = min(MOST, limit * 4)


def nearest(records: Sequence[Record], vector: Sequence[float]) -> list[Hit]:
    """Every record with its score: exact, and as slow as there are records."""
    if not records:
        return []
    matrix = np.asarray([record.vector for record in records], dtype=float)
    query = np.asarray(vector, dtype=float)
    scores = matrix @ query / (np.linalg.norm(matrix, axis=1) * math.sqrt(float(query @ query)))
    return ordered(
        Hit(id=record.id, document_id=record.document_id, score=clipped(float(score)), payload=record.payload)
        for score, record in zip(scores, records, strict=True)
    )
