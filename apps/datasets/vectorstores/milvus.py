"""Vectors in Milvus: one collection per space, datasets apart by its partition key.

Every read asks for strong consistency: with anything less, a search may still return what was deleted a moment ago.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from grpc import RpcError
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from apps.datasets.vectorstores.errors import StoreMisconfigured, StoreRefused, StoreUnavailable
from apps.datasets.vectorstores.fields import collection_name
from apps.datasets.vectorstores.filters import Filter
from apps.datasets.vectorstores.milvus_wire import SHOWN, expression, hit_of, key_of, record_of, row_of
from apps.datasets.vectorstores.protocol import (
    Capabilities,
    Hit,
    Namespace,
    Record,
    check_one_criterion,
    check_vectors,
)
from apps.datasets.vectorstores.ranking import best, nearest

BATCH = 256
PARTITIONS = 64
STRONG = "Strong"
MOST_HITS = 16_384
"""What Milvus returns at most for one call."""
_REFUSED = frozenset({1100, 1101, 1102, 1103, 1104, 65535})
_NOT_ALLOWED = frozenset({1400, 1401, 1402, 1403, 1404, 1405})


class MilvusStore:
    """Through the client of Milvus. `lite` is Milvus in this process: there the index is flat, because its graph loses
    rows to a selective filter."""

    def __init__(self, client: MilvusClient, *, lite: bool = False) -> None:
        self._client, self._index = client, "FLAT" if lite else "AUTOINDEX"
        self._known: set[str] = set()

    def capabilities(self) -> Capabilities:
        """Filters."""
        return Capabilities(name="milvus", durable=True, filters=True, text_search=False)

    def health(self) -> None:
        """Whether the server answers."""
        with _translated():
            self._client.list_collections()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def ensure(self, ns: Namespace) -> None:
        """Make the collection of the namespace's space, and load it."""
        if self._has(ns):
            return
        name = collection_name(ns)
        index = self._client.prepare_index_params()
        index.add_index("vector", index_type=self._index, metric_type="COSINE")
        with _translated():
            try:
                self._client.create_collection(name, schema=_schema(ns), index_params=index, consistency_level=STRONG)
            except MilvusException:  # another process may have made it: then all is well
                if not self._client.has_collection(name):
                    raise
            self._client.load_collection(name)
        self._known.add(name)

    def exists(self, ns: Namespace) -> bool:
        """Whether the namespace holds anything."""
        return self.count(ns) > 0

    def drop(self, ns: Namespace) -> None:
        """Remove every record of the namespace; the collection is shared and stays."""
        self._delete(ns, expression(ns))

    def is_optimised(self, ns: Namespace) -> bool:
        """Always: see `optimise`."""
        return True

    def optimise(self, ns: Namespace) -> None:
        """Milvus builds its indexes by itself."""

    def upsert(self, ns: Namespace, records: Sequence[Record]) -> int:
        """Write records."""
        check_vectors(ns, [record.vector for record in records])
        if not records:
            return 0
        self.ensure(ns)
        unique = list({record.id: record for record in records}.values())
        for start in range(0, len(unique), BATCH):
            rows = [row_of(ns, record) for record in unique[start : start + BATCH]]
            with _translated():
                self._client.upsert(collection_name(ns), rows)
        return len(unique)

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
        condition = expression(ns, where, ids=ids, document_ids=document_ids)
        return self._delete(ns, condition)

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
        """The k nearest; every record is looked at where the index finds fewer than there are."""
        check_vectors(ns, [vector])
        condition = expression(ns, where, document_ids=document_ids)
        if condition is None or not self._has(ns):
            return []
        hits = best(lambda limit: self._search(ns, vector, min(limit, MOST_HITS), condition), k)
        if len(hits) < k and self._count(ns, condition) > len(hits):
            records = [record for batch in self._pages(ns, condition, BATCH, vectors=True) for record in batch]
            hits = nearest(records, vector)[:k]
        return [hit for hit in hits if min_score is None or hit.score >= min_score]

    def count(self, ns: Namespace, *, where: Filter | None = None) -> int:
        """How many records there are."""
        condition = expression(ns, where)
        return 0 if condition is None or not self._has(ns) else self._count(ns, condition)

    def held(self, ns: Namespace, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these ids are there."""
        return {UUID(row["id"]) for row in self._get(ns, ids, ["id"])}

    def fetch(self, ns: Namespace, ids: Sequence[UUID]) -> list[Record]:
        """The records of these ids."""
        return sorted(map(record_of, self._get(ns, ids, [*SHOWN, "vector"])), key=lambda record: record.id)

    def iterate(self, ns: Namespace, *, batch: int = 500, vectors: bool = True) -> Iterator[list[Record]]:
        """All records, page by page."""
        condition = expression(ns)
        if condition is not None and self._has(ns):
            yield from self._pages(ns, condition, batch, vectors=vectors)

    def _has(self, ns: Namespace) -> bool:
        name = collection_name(ns)
        if name not in self._known:
            with _translated():
                if self._client.has_collection(name):
                    self._client.load_collection(name)
                    self._known.add(name)
        return name in self._known

    def _search(self, ns: Namespace, vector: Sequence[float], limit: int, condition: str) -> list[Hit]:
        with _translated():
            (found,) = self._client.search(
                collection_name(ns),
                data=[[float(value) for value in vector]],
                anns_field="vector",
                filter=condition,
                limit=limit,
                output_fields=SHOWN,
                consistency_level=STRONG,
                search_params={"metric_type": "COSINE"},
            )
        return [hit_of(each) for each in found]

    def _count(self, ns: Namespace, condition: str) -> int:
        with _translated():
            (row,) = self._client.query(
                collection_name(ns), filter=condition, output_fields=["count(*)"], consistency_level=STRONG
            )
        return int(row["count(*)"])

    def _get(self, ns: Namespace, ids: Sequence[UUID], fields: list[str]) -> list[Any]:
        if not ids or not self._has(ns):
            return []
        keys = [key_of(ns, each) for each in ids]
        with _translated():
            found: list[Any] = list(
                self._client.get(collection_name(ns), ids=keys, output_fields=fields, consistency_level=STRONG)
            )
        return found

    def _delete(self, ns: Namespace, condition: str | None) -> int:
        if condition is None or not self._has(ns):
            return 0
        doomed = self._count(ns, condition)
        if doomed:
            with _translated():
                self._client.delete(collection_name(ns), filter=condition)
        return doomed

    def _pages(self, ns: Namespace, condition: str, batch: int, *, vectors: bool) -> Iterator[list[Record]]:
        with _translated():
            pages = self._client.query_iterator(
                collection_name(ns),
                batch_size=batch,
                filter=condition,
                output_fields=[*SHOWN, "vector"] if vectors else SHOWN,
                consistency_level=STRONG,
            )
        try:
            while True:
                with _translated():
                    rows = pages.next()
                if not rows:
                    return
                yield [record_of(row) for row in rows]
        finally:
            pages.close()


def open_store() -> MilvusStore:
    """At `MILVUS_URI`: a server's address, or a file for Milvus Lite (one process only)."""
    uri = settings.MILVUS_URI
    if not uri:
        raise StoreMisconfigured("MILVUS_URI is not set: give the address of the Milvus server.")
    lite = "://" not in uri
    with _translated():
        return MilvusStore(open_client(uri, token=settings.MILVUS_TOKEN, lite=lite), lite=lite)


def open_client(uri: str, *, token: str = "", lite: bool = False) -> MilvusClient:
    """A client. Milvus Lite hangs up on one that asks every ten seconds whether it is there, so there it does not."""
    options = {"grpc.keepalive_time_ms": 2**31 - 1, "grpc.keepalive_permit_without_calls": False} if lite else {}
    return MilvusClient(uri, token=token, timeout=30, grpc_options=options)


def _schema(ns: Namespace) -> Any:
    schema = MilvusClient.create_schema(
        auto_id=False, enable_dynamic_field=False, partition_key_field="dataset_id", num_partitions=PARTITIONS
    )
    schema.add_field("pk", DataType.VARCHAR, max_length=64, is_primary=True)
    schema.add_field("dataset_id", DataType.VARCHAR, max_length=36, is_partition_key=True)
    schema.add_field("id", DataType.VARCHAR, max_length=36)
    schema.add_field("document_id", DataType.VARCHAR, max_length=36)
    schema.add_field("payload", DataType.JSON)
    schema.add_field("typed", DataType.JSON)
    schema.add_field("has", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=1_000, max_length=200)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=ns.dim)
    return schema


@contextmanager
def _translated() -> Iterator[None]:
    """The client's errors in the protocol's words; never its message, which may hold an address or a token."""
    try:
        yield
    except MilvusException as exc:
        if exc.code in _NOT_ALLOWED:
            raise StoreMisconfigured("Milvus refuses the token: check MILVUS_TOKEN.") from exc
        if exc.code in _REFUSED or isinstance(exc, ValueError):
            raise StoreRefused(f"Milvus refused the call with code {exc.code}.") from exc
        raise StoreUnavailable(f"Milvus does not answer, or not now (code {exc.code}).") from exc
    except (RpcError, OSError) as exc:
        raise StoreUnavailable(f"Milvus does not answer ({type(exc).__name__}).") from exc
