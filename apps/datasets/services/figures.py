"""The dataset's figures that BM25 needs: how many chunks, how many terms, and in how many chunks each term occurs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

from apps.datasets.models import Dataset, Document

_ADD = """
    INSERT INTO datasets_datasetterm (dataset_id, term, df)
    SELECT %(dataset)s, term, count(*) FROM datasets_chunk, jsonb_object_keys(terms) AS term
    WHERE document_id = %(document)s AND version = %(version)s GROUP BY term
    ON CONFLICT (dataset_id, term) DO UPDATE SET df = datasets_datasetterm.df + EXCLUDED.df
"""
_SUBTRACT = """
    UPDATE datasets_datasetterm AS known SET df = greatest(known.df - gone.df, 0)
    FROM (
        SELECT term, count(*) AS df FROM datasets_chunk, jsonb_object_keys(terms) AS term
        WHERE document_id = %(document)s AND version = %(version)s GROUP BY term
    ) AS gone
    WHERE known.dataset_id = %(dataset)s AND known.term = gone.term
"""
_SHIFT = """
    INSERT INTO datasets_datasetterm AS known (dataset_id, term, df)
    SELECT %(dataset)s, term, 1 FROM unnest(%(terms)s::text[]) AS term
    ON CONFLICT (dataset_id, term) DO UPDATE SET df = greatest(known.df + %(sign)s, 0)
"""
_FORGET = "DELETE FROM datasets_datasetterm WHERE dataset_id = %(dataset)s AND df = 0"
_SIZE = """
    SELECT count(*), coalesce(sum(term_count), 0) FROM datasets_chunk
    WHERE document_id = %(document)s AND version = %(version)s
"""


def add_version(document: Document, *, version: int) -> int:
    """Count the chunks of a version in; returns how many there are. The caller's transaction makes it exact."""
    with connection.cursor() as cursor:
        values = _values(document, version)
        chunks, terms = _lock_and_measure(cursor, values)
        cursor.execute(_ADD, values)
    _shift(document, chunks=chunks, terms=terms)
    return chunks


def subtract_version(document: Document) -> None:
    """Count the chunks of the searchable version out."""
    if document.version == 0:
        return
    with connection.cursor() as cursor:
        values = _values(document, document.version)
        chunks, terms = _lock_and_measure(cursor, values)
        cursor.execute(_SUBTRACT, values)
        cursor.execute(_FORGET, values)
    _shift(document, chunks=-chunks, terms=-terms)


def shift_chunk(dataset_id: UUID, *, terms: Mapping[str, int], sign: int) -> None:
    """Count one searchable chunk in (1) or out (-1), in the caller's transaction, which holds the dataset's row."""
    values: dict[str, Any] = {"dataset": dataset_id, "terms": sorted(terms), "sign": sign}
    with connection.cursor() as cursor:
        cursor.execute(_SHIFT, values)
        cursor.execute(_FORGET, values)
    Dataset.objects.filter(id=dataset_id).update(
        chunk_count=F("chunk_count") + sign, term_total=F("term_total") + sign * sum(terms.values())
    )


def _lock_and_measure(cursor: Any, values: dict[str, Any]) -> tuple[int, int]:
    # One at a time per dataset: two transactions that touch the same terms in another order would deadlock.
    cursor.execute("SELECT 1 FROM datasets_dataset WHERE id = %(dataset)s FOR UPDATE", values)
    cursor.execute(_SIZE, values)
    chunks, terms = cursor.fetchone()
    return int(chunks), int(terms)


def _shift(document: Document, *, chunks: int, terms: int) -> None:
    Dataset.objects.filter(id=document.dataset_id).update(
        chunk_count=F("chunk_count") + chunks, term_total=F("term_total") + terms
    )


def _values(document: Document, version: int) -> dict[str, Any]:
    return {"dataset": document.dataset_id, "document": document.id, "version": version}
