"""Owns BM25: scoring candidates that a database found, from their term counts and the dataset's figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log

K1 = 1.2
B = 0.75


def bm25(
    query_terms: Sequence[str],
    docs: Sequence[tuple[Mapping[str, int], int]],
    *,
    df: Mapping[str, int],
    n: int,
    avgdl: float,
) -> list[float]:
    """Score each document (its term counts and its length); 0.0 for one that shares no term.

    `df` and `n` may lag behind the index: a term counts as in at least one and at most all documents.
    """
    weights = {term: times * idf(df.get(term, 0), n=n) for term, times in Counter(query_terms).items()}
    mean = avgdl if avgdl > 0 else 1.0
    return [_score(weights, counts, length / mean) for counts, length in docs]


def idf(df: int, *, n: int) -> float:
    """How telling a term is that `df` of `n` documents hold; never negative."""
    total = max(n, 1)
    held = min(max(df, 1), total)
    return log(1 + (total - held + 0.5) / (held + 0.5))


def rarest(
    terms: Sequence[str], df: Mapping[str, int], *, limit: int = 8, enough: int = 200, most: float = float("inf")
) -> list[str]:
    """The most telling terms that occur at all, rarest first: an OR of more costs time and finds little.

    The first may hold for `enough` documents however common they are; after that a term is left out with which they
    would hold for more than `most`, since every one of those has to be read to be ranked.
    """
    known = [term for term in dict.fromkeys(terms) if df.get(term, 0) > 0]
    chosen: list[str] = []
    held = 0
    for term in sorted(known, key=lambda term: df[term])[:limit]:
        if held >= enough and held + df[term] > most:
            break
        chosen.append(term)
        held += df[term]
    return chosen


def _score(weights: Mapping[str, float], counts: Mapping[str, int], relative_length: float) -> float:
    damping = K1 * (1 - B + B * relative_length)
    return sum(
        weight * tf * (K1 + 1) / (tf + damping) for term, weight in weights.items() if (tf := counts.get(term, 0)) > 0
    )
