"""What the product asks of a vector store, and the promises that every adapter keeps.

1. `upsert` twice with one id leaves one record, the later one.
2. Once `delete` has returned, `search` never returns what was deleted.
3. A score is the cosine similarity, clipped to 0..1; higher is better; `min_score` keeps what is equal or above.
4. A batch with one bad vector (length, not a number, all zeros) is refused whole, before anything is written.
5. A namespace never sees another one's records, even under equal ids.
6. A filter is applied or refused, never ignored.
7. `search` returns k hits whenever k matching records exist.
8. Order: score descending, then id ascending.
9. The store is an index, not the truth: callers drop hits that PostgreSQL does not know as live.
10. Failures are StoreUnavailable (try again), StoreRefused (do not) or StoreMisconfigured (tell the operator).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable
from uuid import UUID

import numpy as np

from apps.datasets.vectorstores.errors import BadVector, StoreRefused
from apps.datasets.vectorstores.filters import Filter, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """One dataset in one vector space. `size` is a hint (how many records to expect), not part of the identity."""

    dataset_id: UUID
    space: str
    dim: int
    size: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One vector and what may be filtered by. The text stays in PostgreSQL."""

    id: UUID
    document_id: UUID
    vector: Sequence[float]
    payload: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A record that a search found."""

    id: UUID
    document_id: UUID
    score: float
    payload: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a store can do beyond the protocol's minimum, so that callers need not guess."""

    name: str
    durable: bool
    filters: bool
    text_search: bool
    text_order: bool = True
    """Whether gt, gte, lt and lte compare texts; where not, they are refused with UnknownFilter."""


@runtime_checkable
class VectorStore(Protocol):
    """The methods; the promises are in the module's docstring."""

    def capabilities(self) -> Capabilities:
        """What this store can do."""

    def health(self) -> None:
        """Return when the store answers; raise StoreUnavailable or StoreMisconfigured otherwise."""

    def close(self) -> None:
        """Give the connections back; the store is not used any more."""

    def ensure(self, ns: Namespace) -> None:
        """Make the place for a namespace's records; harmless when it is there."""

    def exists(self, ns: Namespace) -> bool:
        """Whether the namespace holds anything."""

    def drop(self, ns: Namespace) -> None:
        """Remove the namespace with everything in it."""

    def is_optimised(self, ns: Namespace) -> bool:
        """Whether `optimise` would find nothing to do; cheap enough to be asked every few seconds."""

    def optimise(self, ns: Namespace) -> None:
        """Build what makes searching a grown namespace fast. May take minutes; harmless to repeat."""

    def upsert(self, ns: Namespace, records: Sequence[Record]) -> int:
        """Write records; return how many."""

    def delete(
        self,
        ns: Namespace,
        *,
        ids: Sequence[UUID] | None = None,
        document_ids: Sequence[UUID] | None = None,
        where: Filter | None = None,
    ) -> int:
        """Delete by exactly one criterion; an empty sequence deletes nothing. Return how many went."""

    def search(
        self,
        ns: Namespace,
        vector: Sequence[float],
        k: int,
        *,
        where: Filter | None = None,
        document_ids: Sequence[UUID] | None = None,
        min_score: float | None = None,
    ) -> list[Hit]:
        """The k nearest records; of these documents alone where they are given (an empty sequence finds nothing)."""

    def count(self, ns: Namespace, *, where: Filter | None = None) -> int:
        """How many records there are."""

    def held(self, ns: Namespace, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these ids are there."""

    def fetch(self, ns: Namespace, ids: Sequence[UUID]) -> list[Record]:
        """The records of these ids, with their vectors (a store may have normalised them), in order of id."""

    def iterate(self, ns: Namespace, *, batch: int = 500, vectors: bool = True) -> Iterator[list[Record]]:
        """All records, each once, in the store's own order; with empty vectors where only the ids matter."""


def check_vectors(ns: Namespace, vectors: Sequence[Sequence[float]]) -> None:
    """Refuse a batch that holds a vector of another length, one that is not finite, or one of zeros."""
    for position, vector in enumerate(vectors):
        if len(vector) != ns.dim:
            raise BadVector(
                f"Vector {position} has {len(vector)} numbers where the space {ns.space!r} has {ns.dim}.",
                position=position,
            )
        numbers = np.asarray(vector, dtype=np.float64)
        length = float(np.dot(numbers, numbers))
        if not math.isfinite(length):
            raise BadVector(f"Vector {position} holds something that is not a number.", position=position)
        if length == 0:
            raise BadVector(f"Vector {position} is all zeros: it has no direction.", position=position)


def check_one_criterion(*criteria: object) -> None:
    """`delete` takes exactly one criterion, so that a forgotten one never means everything."""
    if sum(criterion is not None for criterion in criteria) != 1:
        raise StoreRefused("Deleting vectors takes exactly one of ids, document_ids and where.")
