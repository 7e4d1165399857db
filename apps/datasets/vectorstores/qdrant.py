"""Vectors in Qdrant: one collection per space, datasets apart by an indexed payload field.

Writes wait until they are applied and reads ask a majority of the replicas, so that what was deleted stays away. The
graph is built per dataset (`m=0`, `payload_m`): a search never walks through other datasets' points.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from uuid import UUID

from django.conf import settings
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from apps.datasets.vectorstores.errors import StoreMisconfigured, StoreRefused, StoreUnavailable
from apps.datasets.vectorstores.fields import collection_name
from apps.datasets.vectorstores.filters import Filter
from apps.datasets.vectorstores.protocol import (
    Capabilities,
    Hit,
    Namespace,
    Record,
    check_one_criterion,
    check_vectors,
)
from apps.datasets.vectorstores.qdrant_wire import filter_of, hit_of, point_id, point_of, record_of, scope
from apps.datasets.vectorstores.ranking import best

BATCH = 256


class QdrantStore:
    """Through the client of Qdrant; `local` is its mode without a server."""

    def __init__(self, client: QdrantClient, *, local: bool = False) -> None:
        self._client, self._local = client, local
        self._known: set[str] = set()
        # Without a server the client is plain Python on shared arrays: a search during a write would read past them.
        self._turn: AbstractContextManager[Any] = threading.RLock() if local else nullcontext()

    def capabilities(self) -> Capabilities:
        """Filters, but no order among texts."""
        return Capabilities(name="qdrant", durable=True, filters=True, text_search=False, text_order=False)

    def health(self) -> None:
        """Whether the server answers."""
        with self._calling():
            self._client.get_collections()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def ensure(self, ns: Namespace) -> None:
        """Make the collection of the namespace's space."""
        if self._has(ns):
            return
        name = collection_name(ns)
        with self._calling():
            try:
                self._client.create_collection(
                    name,
                    vectors_config=models.VectorParams(size=ns.dim, distance=models.Distance.COSINE, on_disk=True),
                    hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                )
            except Exception:  # another process may have made it: then all is well
                if not self._client.collection_exists(name):
                    raise
            if not self._local:
                tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
                self._client.create_payload_index(name, "dataset_id", tenant, wait=True)
                for field in ("document_id", "id"):
                    self._client.create_payload_index(name, field, models.PayloadSchemaType.KEYWORD, wait=True)
        self._known.add(name)

    def exists(self, ns: Namespace) -> bool:
        """Whether the namespace holds anything."""
        return self.count(ns) > 0

    def drop(self, ns: Namespace) -> None:
        """Remove every record of the namespace; the collection is shared and stays."""
        if self._has(ns):
            self._delete(ns, scope(ns))

    def is_optimised(self, ns: Namespace) -> bool:
        """Always: see `optimise`."""
        return True

    def optimise(self, ns: Namespace) -> None:
        """Qdrant builds its indexes by itself."""

    def upsert(self, ns: Namespace, records: Sequence[Record]) -> int:
        """Write records, and wait until they are there."""
        check_vectors(ns, [record.vector for record in records])
        if not records:
            return 0
        self.ensure(ns)
        unique = list({record.id: record for record in records}.values())
        for start in range(0, len(unique), BATCH):
            with self._calling():
                points = [point_of(ns, record) for record in unique[start : start + BATCH]]
                self._client.upsert(collection_name(ns), points, wait=True, ordering=models.WriteOrdering.STRONG)
        return len(unique)

    def delete(
        self,
        ns: Namespace,
        *,
        ids: Sequence[UUID] | None = None,
        document_ids: Sequence[UUID] | None = None,
        where: Filter | None = None,
    ) -> int:
        """Delete by exactly one criterion, and wait until it is done."""
        check_one_criterion(ids, document_ids, where)
        condition = filter_of(ns, where, ids=ids, document_ids=document_ids)
        if condition is None or not self._has(ns):
            return 0
        doomed = self._count(ns, condition)
        if doomed:
            self._delete(ns, condition)
        return doomed

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
        """The k nearest; exactly, where the graph finds fewer than there are."""
        check_vectors(ns, [vector])
        condition = filter_of(ns, where, document_ids=document_ids)
        if condition is None or not self._has(ns):
            return []
        hits = best(lambda limit: self._query(ns, vector, limit, condition, exact=False), k)
        if len(hits) < k and self._count(ns, condition) > len(hits):
            hits = best(lambda limit: self._query(ns, vector, limit, condition, exact=True), k)
        return [hit for hit in hits if min_score is None or hit.score >= min_score]

    def count(self, ns: Namespace, *, where: Filter | None = None) -> int:
        """How many records there are."""
        condition = filter_of(ns, where)
        return 0 if condition is None or not self._has(ns) else self._count(ns, condition)

    def held(self, ns: Namespace, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these ids are there."""
        return {UUID(point.payload["id"]) for point in self._retrieve(ns, ids, vectors=False)}

    def fetch(self, ns: Namespace, ids: Sequence[UUID]) -> list[Record]:
        """The records of these ids."""
        return sorted(map(record_of, self._retrieve(ns, ids, vectors=True)), key=lambda record: record.id)

    def iterate(self, ns: Namespace, *, batch: int = 500, vectors: bool = True) -> Iterator[list[Record]]:
        """All records, page by page."""
        offset: Any = None
        while self._has(ns):
            with self._calling():
                points, offset = self._client.scroll(
                    collection_name(ns), scroll_filter=scope(ns), limit=batch, offset=offset, with_vectors=vectors
                )
            if points:
                yield [record_of(point) for point in points]
            if offset is None:
                return

    @contextmanager
    def _calling(self) -> Iterator[None]:
        with self._turn, _translated():
            yield

    def _has(self, ns: Namespace) -> bool:
        name = collection_name(ns)
        if name not in self._known:
            with self._calling():
                if self._client.collection_exists(name):
                    self._known.add(name)
        return name in self._known

    def _count(self, ns: Namespace, condition: models.Filter) -> int:
        with self._calling():
            return int(self._client.count(collection_name(ns), count_filter=condition, exact=True).count)

    def _delete(self, ns: Namespace, condition: models.Filter) -> None:
        with self._calling():
            chosen = models.FilterSelector(filter=condition)
            self._client.delete(collection_name(ns), chosen, wait=True, ordering=models.WriteOrdering.STRONG)

    def _query(
        self, ns: Namespace, vector: Sequence[float], limit: int, condition: models.Filter, *, exact: bool
    ) -> list[Hit]:
        with self._calling():
            found = self._client.query_points(
                collection_name(ns),
                query=list(vector),
                query_filter=condition,
                limit=limit,
                # Without a server every search is exact, and the client warns of parameters.
                search_params=None if self._local else models.SearchParams(exact=exact, hnsw_ef=128),
                consistency=models.ReadConsistencyType.MAJORITY,
            )
        return [hit_of(point) for point in found.points]

    def _retrieve(self, ns: Namespace, ids: Sequence[UUID], *, vectors: bool) -> list[Any]:
        if not ids or not self._has(ns):
            return []
        with self._calling():
            names = [point_id(ns, each) for each in ids]
            return self._client.retrieve(collection_name(ns), names, with_payload=True, with_vectors=vectors)


def open_store() -> QdrantStore:
    """At `QDRANT_URL`: a server's address, or a folder for the client's mode without a server (one process only)."""
    url = settings.QDRANT_URL
    if not url:
        raise StoreMisconfigured("QDRANT_URL is not set: give the address of the Qdrant server.")
    with _translated():
        if "://" in url:
            client = QdrantClient(url=url, api_key=settings.QDRANT_API_KEY or None, timeout=30)
            return QdrantStore(client)
        return QdrantStore(QdrantClient(":memory:") if url == ":memory:" else QdrantClient(path=url), local=True)


@contextmanager
def _translated() -> Iterator[None]:
    """The client's errors in the protocol's words; never its message, which may hold an address or a key."""
    try:
        yield
    except UnexpectedResponse as exc:
        if exc.status_code in (401, 403):
            raise StoreMisconfigured("Qdrant refuses the key: check QDRANT_API_KEY.") from exc
        if exc.status_code == 429 or (exc.status_code or 500) >= 500:
            raise StoreUnavailable(f"Qdrant answers with status {exc.status_code}.") from exc
        raise StoreRefused(f"Qdrant refused the call with status {exc.status_code}.") from exc
    except (ResponseHandlingException, OSError) as exc:
        raise StoreUnavailable(f"Qdrant does not answer ({type(exc).__name__}).") from exc
    except (ValueError, RuntimeError) as exc:
        raise StoreRefused(f"Qdrant refused the call ({type(exc).__name__}).") from exc
