"""An embedding model without a model: terms hashed into a vector. Deterministic, instant and offline.

Two texts are near when they share words (or pairs of characters), not when they mean the same. It is what an
installation without a provider uses, beside the lexical search; the product says so where it matters.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from model_runtime.words import STOP_CHARACTERS, STOP_WORDS, is_unspaced, normalise, runs, stem

DIM = 1024
_STOP_WEIGHT = 0.1
_SINGLE_WEIGHT = 0.4


class HashingEmbedder:
    """Log term frequency, one of 1,024 places and a sign for each term, unit length."""

    name = "hashing"
    space = f"hashing/v1/{DIM}"
    dim = DIM
    max_tokens = 8192

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text; a text without words gets a fixed direction of its own."""
        return self.embed_now(texts)

    async def embed_query(self, text: str) -> list[float]:
        """The same as for a passage."""
        return self.embed_now([text])[0]

    def embed_now(self, texts: Sequence[str]) -> list[list[float]]:
        """The same without a loop, since nothing is waited for."""
        matrix = np.zeros((len(texts), DIM), dtype=np.float32)
        for row, text in enumerate(texts):
            counts = _count(text)
            if not counts:
                matrix[row, 0] = 1.0  # a zero vector has no cosine
                continue
            places = [_place(term) for term in counts]
            weights = (1 + np.log(np.fromiter(counts.values(), dtype=np.float32))) * [weight for _, weight in places]
            np.add.at(matrix[row], [place for place, _ in places], weights)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        # Two terms may cancel each other out exactly.
        matrix[norms[:, 0] == 0, 0] = 1.0
        norms[norms == 0] = 1.0
        vectors: list[list[float]] = (matrix / norms).tolist()
        return vectors


def _count(text: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for run in runs(normalise(text)):
        if is_unspaced(run):
            counts.update(run)
            counts.update(run[at : at + 2] for at in range(len(run) - 1))
        else:
            counts[run if run in STOP_WORDS else stem(run)] += 1
    return counts


@lru_cache(maxsize=200_000)
def _place(term: str) -> tuple[int, float]:
    """Where a term goes and with what sign and weight; the same in every process and on every machine."""
    number = int.from_bytes(hashlib.blake2b(term.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    sign = 1.0 if number >> 63 else -1.0
    if term in STOP_WORDS or STOP_CHARACTERS.issuperset(term):
        return number % DIM, sign * _STOP_WEIGHT
    alone = len(term) == 1 and is_unspaced(term)
    return number % DIM, sign * (_SINGLE_WEIGHT if alone else 1.0)
