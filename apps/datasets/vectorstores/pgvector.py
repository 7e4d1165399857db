"""Vectors in PostgreSQL with pgvector: one narrow table per dimension, text elsewhere.

A dataset of up to `EXACT_LIMIT` records is searched exactly (over the primary key, which begins with the dataset):
at that size it is fast, and the planner's choice of the HNSW index would lose rows to the filter. Above, the HNSW
index with iterative scan serves, and what it leaves short is searched exactly.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import numpy as np
import orjson
from django.db import Error, OperationalError, connection, transaction
from psycopg import sql
from psycopg.types.json import Jsonb

from apps.datasets.vectorstores import pgvector_sql as statements
from apps.datasets.vectorstores.errors import StoreMisconfigured, StoreRefused, StoreUnavailable
from apps.datasets.vectorstores.filters import Filter, Value
from apps.datasets.vectorstores.pgvector_filters import compile_filter
from apps.datasets.vectorstores.protocol import (
    Capabilities,
    Hit,
    Namespace,
    Record,
    check_one_criterion,
    check_vectors,
)

EXACT_LIMIT = 10_000
FILTERED_TIMES = 20
"""How much larger a dataset may be when a filter leaves few of its rows to compare, or where its vectors are words
that were hashed; the index would lose them."""
WIDER = 10
"""How many times more rows than wanted the index is asked for where a filter stands."""
TIES = 20
"""How many more rows the index is asked for: it gives equals in any order, and they are wanted by id."""
MAX_DIM = 4_000
"""More than the HNSW index takes for half-precision numbers."""


class PgVectorStore:
    """The default store: nothing to install beyond the database."""

    def __init__(self, *, exact_limit: int = EXACT_LIMIT) -> None:
        self._exact_limit = exact_limit
        # Dimensions whose table is known to be there, so that a search need not ask.
        self._known = {statements.MIGRATED_DIM}

    def capabilities(self) -> Capabilities:
        """Filters; words are searched beside it, in the chunks' own table."""
        return Capabilities(name="pgvector", durable=True, filters=True, text_search=False)

    def health(self) -> None:
        """Whether the server answers and has the extension."""
        if not self._rows(sql.SQL("SELECT 1 FROM pg_extension WHERE extname = 'vector'"), []):
            raise StoreMisconfigured("The database has no extension named vector: install pgvector 0.8 or newer.")

    def close(self) -> None:
        """There is nothing to give back."""

    def ensure(self, ns: Namespace) -> None:
        """Make the table for the namespace's dimension."""
        if not 0 < ns.dim <= MAX_DIM:
            raise StoreRefused(f"pgvector stores up to {MAX_DIM} numbers a vector, not {ns.dim}.", dim=ns.dim)
        if self._has_table(ns):
            return
        with _translated(), transaction.atomic(), connection.cursor() as cursor:
            # Two processes that create one table at once would collide in the catalogue.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [statements.LOCK + ns.dim])
            for statement in statements.MAKE_TABLE:
                cursor.execute(statements.on(ns, statement))

    def exists(self, ns: Namespace) -> bool:
        """Whether the namespace holds anything."""
        return self._has_table(ns) and bool(
            self._rows(statements.on(ns, "SELECT 1 FROM {table} WHERE {here} LIMIT 1"), _here(ns))
        )

    def drop(self, ns: Namespace) -> None:
        """Remove every record of the namespace; the table is shared and stays."""
        if self._has_table(ns):
            self._run(statements.on(ns, "DELETE FROM {table} WHERE {here}"), _here(ns))

    def is_optimised(self, ns: Namespace) -> bool:
        """Whether the index is there, or the namespace too small to need it."""
        if not self._has_table(ns) or self._has_index(ns):
            return True
        return (ns.size if ns.size is not None else self.count(ns)) <= self._exact_limit

    def optimise(self, ns: Namespace) -> None:
        """Build the HNSW index once a namespace is too large for exact search, without blocking writers."""
        if not self._has_table(ns) or self._has_index(ns) or self.count(ns) <= self._exact_limit:
            return
        with self._alone(ns) as first, _translated(), connection.cursor() as cursor:
            if not first or self._has_index(ns):
                return
            # What a killed build left behind is an invalid index of this name.
            cursor.execute(statements.on(ns, "DROP INDEX CONCURRENTLY IF EXISTS {index}"))
            # A graph that outgrows this memory is built many times slower.
            cursor.execute("SET maintenance_work_mem = '512MB'")
            try:
                cursor.execute(statements.on(ns, statements.MAKE_INDEX))
            finally:
                cursor.execute("RESET maintenance_work_mem")

    @contextmanager
    def _alone(self, ns: Namespace) -> Iterator[bool]:
        """Whether nobody else builds the index, which datasets share: two at once would wait for each other forever.

        It is tried and not waited for: a build waits for every statement that began before, also for one that waits.
        """
        lock = [statements.index_name(ns.dim)]
        got = bool(self._rows(sql.SQL("SELECT pg_try_advisory_lock(hashtext(%s))"), lock)[0][0])
        try:
            yield got
        finally:
            if got:
                self._run(sql.SQL("SELECT pg_advisory_unlock(hashtext(%s))"), lock)

    def upsert(self, ns: Namespace, records: Sequence[Record]) -> int:
        """COPY into a temporary table, then merge: some three times faster than row by row.

        The numbers travel as the halves that are stored: to write and read them as text took longer than all the rest.
        """
        check_vectors(ns, [record.vector for record in records])
        if not records:
            return 0
        unique = {record.id: record for record in records}
        with _translated(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statements.on(ns, statements.MAKE_STAGING))
            # What fails when the copy ends is the driver's own error, unless it is asked for as Django's.
            with connection.wrap_database_errors, cursor.copy(statements.on(ns, statements.COPY_STAGING)) as copy:
                copy.set_types(statements.STAGED_TYPES)
                for record in unique.values():
                    copy.write_row(
                        (
                            ns.dataset_id,
                            ns.space,
                            record.id,
                            record.document_id,
                            Jsonb(dict(record.payload)),
                            _halves(record.vector),
                        )
                    )
            cursor.execute(statements.on(ns, statements.MERGE_STAGING))
            cursor.execute("DROP TABLE vector_staging")
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
        if not self._has_table(ns):
            return 0
        statement = statements.on(ns, "DELETE FROM {table} WHERE {here} AND ")
        if where is not None:
            condition, values = compile_filter(where)
            return self._run(statement + condition, [*_here(ns), *values])
        column = sql.SQL("id = ANY(%s)") if ids is not None else sql.SQL("document_id = ANY(%s)")
        return self._run(statement + column, [*_here(ns), list(ids if ids is not None else document_ids or [])])

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
        """The k nearest: exact for a small namespace and among chosen documents, by index for a large one."""
        check_vectors(ns, [vector])
        if document_ids is not None:
            hits = self._search_exact(ns, vector, k, where, document_ids) if self._has_table(ns) else []
            return [hit for hit in hits if min_score is None or hit.score >= min_score]
        size = ns.size if ns.size is not None else self.count(ns)
        hits = []
        if size > self._exact_limit * (FILTERED_TIMES if where is not None or _has_no_neighbours(ns) else 1):
            hits = self._search_index(ns, vector, k, where)
        # The index gives up after so many tuples of other datasets: then every row is looked at.
        if len(hits) < k and self._has_table(ns):
            hits = self._search_exact(ns, vector, k, where)
        return [hit for hit in hits if min_score is None or hit.score >= min_score]

    def count(self, ns: Namespace, *, where: Filter | None = None) -> int:
        """How many records there are."""
        if not self._has_table(ns):
            return 0
        condition, values = compile_filter(where)
        statement = statements.on(ns, "SELECT count(*) FROM {table} WHERE {here} AND ") + condition
        return int(self._rows(statement, [*_here(ns), *values])[0][0])

    def held(self, ns: Namespace, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these ids are there."""
        if not ids or not self._has_table(ns):
            return set()
        rows = self._rows(statements.on(ns, statements.HELD), [*_here(ns), list(ids)])
        return {row[0] for row in rows}

    def fetch(self, ns: Namespace, ids: Sequence[UUID]) -> list[Record]:
        """The records of these ids."""
        if not ids or not self._has_table(ns):
            return []
        return [_record(row) for row in self._rows(statements.on(ns, statements.FETCH), [*_here(ns), list(ids)])]

    def iterate(self, ns: Namespace, *, batch: int = 500, vectors: bool = True) -> Iterator[list[Record]]:
        """All records, page by page over the primary key."""
        after = uuid.UUID(int=0)
        statement = statements.on(ns, statements.PAGE if vectors else statements.PAGE_OF_IDS)
        while self._has_table(ns):
            rows = self._rows(statement, [*_here(ns), after, batch])
            if not rows:
                return
            yield [_record(row) for row in rows]
            after = rows[-1][0]

    def _search_exact(
        self,
        ns: Namespace,
        vector: Sequence[float],
        k: int,
        where: Filter | None,
        document_ids: Sequence[UUID] | None = None,
    ) -> list[Hit]:
        condition, values = compile_filter(where)
        if document_ids is not None:
            # As text: one long literal is read a good deal faster than tens of thousands of parameters of their own.
            condition = sql.SQL("({}) AND document_id = ANY(%s::uuid[])").format(condition)
            values = [*values, "{" + ",".join(str(each) for each in document_ids) + "}"]
        statement = statements.on(ns, statements.EXACT, condition=condition)
        return _hits(self._rows(statement, [_literal(vector), *_here(ns), *values, k]))

    def _search_index(self, ns: Namespace, vector: Sequence[float], k: int, where: Filter | None) -> list[Hit]:
        condition, values = compile_filter(where)
        statement = statements.on(ns, statements.NEAREST, condition=condition)
        with _translated(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL hnsw.ef_search = 100")
            limit = k + TIES if where is None else k * WIDER
            cursor.execute(statement, [_literal(vector), *_here(ns), *values, _literal(vector), limit])
            return _hits(cursor.fetchall())[:k]

    def _has_table(self, ns: Namespace) -> bool:
        if ns.dim in self._known:
            return True
        found = bool(self._rows(sql.SQL("SELECT to_regclass(%s) IS NOT NULL"), [statements.table_name(ns.dim)])[0][0])
        if found and not connection.in_atomic_block:  # in a transaction it may be rolled back
            self._known.add(ns.dim)
        return found

    def _has_index(self, ns: Namespace) -> bool:
        rows = self._rows(sql.SQL(statements.VALID_INDEX), [statements.index_name(ns.dim)])
        return bool(rows)

    def _rows(self, statement: sql.Composable, values: Sequence[Any]) -> list[Any]:
        with _translated(), connection.cursor() as cursor:
            cursor.execute(statement, list(values))
            rows: list[Any] = cursor.fetchall()
            return rows

    def _run(self, statement: sql.Composable, values: Sequence[Any]) -> int:
        with _translated(), connection.cursor() as cursor:
            cursor.execute(statement, list(values))
            return int(cursor.rowcount)


def _has_no_neighbours(ns: Namespace) -> bool:
    """Hashed words are nearly all equally far from each other: a graph of them leads to three in ten of the nearest."""
    return ns.space.startswith("hashing/")


def _here(ns: Namespace) -> list[Any]:
    return [ns.dataset_id, ns.space]


def _literal(vector: Sequence[float]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector) + "]"


def _halves(vector: Sequence[float]) -> bytes:
    """As the server's own COPY writes a halfvec: its length, an unused field, and its numbers in two bytes each."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which the server refuses
        numbers = np.asarray(vector, dtype=np.float32).astype(">f2")
    return len(vector).to_bytes(2, "big") + bytes(2) + numbers.tobytes()


def _record(row: Sequence[Any]) -> Record:
    return Record(id=row[0], document_id=row[1], payload=_object(row[2]), vector=_numbers(row[3]) if row[3] else [])


def _numbers(literal: str) -> list[float]:
    return [float(value) for value in literal.strip("[]").split(",")]


def _object(payload: str | dict[str, Value]) -> dict[str, Value]:
    # Django tells the driver to leave jsonb as text.
    return orjson.loads(payload) if isinstance(payload, str) else payload


def _hits(rows: Sequence[Any]) -> list[Hit]:
    hits = [
        Hit(id=row[0], document_id=row[1], payload=_object(row[2]), score=min(1.0, max(0.0, float(row[3]))))
        for row in rows
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors in the protocol's words."""
    try:
        yield
    except OperationalError as exc:
        raise StoreUnavailable(f"The vector store does not answer ({type(exc).__name__}).") from exc
    except Error as exc:
        raise StoreRefused(f"The vector store refused the statement ({type(exc).__name__}).") from exc


def open_store() -> PgVectorStore:
    """In the database of the installation."""
    return PgVectorStore()
