"""A vector store in this process: for tests and trials. Nothing survives the process, and no other process sees it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np

from apps.datasets.vectorstores.filters import Filter, check_filter, matches
from apps.datasets.vectorstores.protocol import (
    Capabilities,
    Hit,
    Namespace,
    Record,
    check_one_criterion,
    check_vectors,
)


class MemoryVectorStore:
    """Exact search over dictionaries."""

    def __init__(self) -> None:
        self._namespaces: dict[Namespace, dict[UUID, Record]] = {}
        self._lock = threading.RLock()

    def capabilities(self) -> Capabilities:
        """Filters, and nothing that lasts."""
        return Capabilities(name="memory", durable=False, filters=True, text_search=False)

    def health(self) -> None:
        """It is always there."""

    def close(self) -> None:
        """There is nothing to give back."""

    def ensure(self, ns: Namespace) -> None:
        """Make an empty namespace."""
        with self._lock:
            self._namespaces.setdefault(ns, {})

    def exists(self, ns: Namespace) -> bool:
        """Whether the namespace holds anything."""
        return bool(self._namespaces.get(ns))

    def drop(self, ns: Namespace) -> None:
        """Forget the namespace."""
        with self._lock:
            self._namespaces.pop(ns, None)

    def is_optimised(self, ns: Namespace) -> bool:
        """Always: see `optimise`."""
        return True

    def optimise(self, ns: Namespace) -> None:
        """There is nothing to build."""

    def upsert(self, ns: Namespace, records: Sequence[Record]) -> int:
        """Write records; refuse the whole batch for one bad vector."""
        check_vectors(ns, [record.vector for record in records])
        with self._lock:
            self._namespaces.setdefault(ns, {}).update((record.id, record) for record in records)
        return len(records)

    def delete(
        self,
        ns: Namespace,
        *,
        ids: Sequence[UUID] | None = None,
        document_ids: Sequence[UUID] | None = None,
        where: Filter | None = None,
    ) -> int:
        """Delete by exactly one criterion."""
        check_one_criterion(ids, document_ids, where)
        check_filter(where)
        with self._lock:
            held = self._namespaces.get(ns, {})
            doomed = [
                record.id
                for record in held.values()
                if (ids is not None and record.id in ids)
                or (document_ids is not None and record.document_id in document_ids)
                or (where is not None and matches(where, record.payload))
            ]
            for record_id in doomed:
                del held[record_id]
        return len(doomed)

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
        """The k nearest, exactly."""
        check_vectors(ns, [vector])
        check_filter(where)
        wanted = None if document_ids is None else set(document_ids)
        found = [
            record
            for record in self._records(ns)
            if matches(where, record.payload) and (wanted is None or record.document_id in wanted)
        ]
        if not found:
            return []
        scores = _cosines(np.asarray([record.vector for record in found], dtype=float), np.asarray(vector, dtype=float))
        ranked = sorted(zip(scores, found, strict=True), key=lambda pair: (-pair[0], pair[1].id))
        return [
            Hit(id=record.id, document_id=record.document_id, score=score, payload=record.payload)
            for score, record in ranked[:k]
            if min_score is None or score >= min_score
        ]

    def count(self, ns: Namespace, *, where: Filter | None = None) -> int:
        """How many records there are."""
        check_filter(where)
        return sum(matches(where, record.payload) for record in self._records(ns))

    def held(self, ns: Namespace, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these ids are there."""
        return set(ids) & {record.id for record in self._records(ns)}

    def fetch(self, ns: Namespace, ids: Sequence[UUID]) -> list[Record]:
        """The records of these ids."""
        wanted = set(ids)
        return sorted((record for record in self._records(ns) if record.id in wanted), key=lambda record: record.id)

    def iterate(self, ns: Namespace, *, batch: int = 500, vectors: bool = True) -> Iterator[list[Record]]:
        """All records in order of id."""
        records = sorted(self._records(ns), key=lambda record: record.id)
        if not vectors:
            records = [replace(record, vector=()) for record in records]
        for start in range(0, len(records), batch):
            yield records[start : start + batch]

    def _records(self, ns: Namespace) -> list[Record]:
        with self._lock:
            return list(self._namespaces.get(ns, {}).values())


def _cosines(matrix: np.ndarray, vector: np.ndarray) -> list[float]:
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(vector)
    return [float(score) for score in np.clip(matrix @ vector / lengths, 0.0, 1.0)]


def open_store() -> MemoryVectorStore:
    """The one of this process."""
    return MemoryVectorStore()
