"""The statements of a search: what the datasets know about the query's terms, and the passages that may answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from apps.datasets.selectors.filters import MetadataFilter, compile_filter

LEXICAL_LIMIT = 200

_SCOPE = """
    SELECT d.id, d.slug, d.name, d.embedding_model, d.space, d.dim, d.chunk_count, d.term_total, d.settings,
        d.vector_store, d.kind,
        (SELECT jsonb_object_agg(t.term, t.df) FROM datasets_datasetterm t
         WHERE t.dataset_id = d.id AND t.term = ANY(%(terms)s))
    FROM datasets_dataset d
    WHERE d.team_id = %(team)s AND (d.slug = ANY(%(slugs)s) OR d.id::text = ANY(%(slugs)s)) AND d.deleted_at IS NULL
"""

# A chunk counts only in the searchable version of a live document, however it was found: the vector store is an index,
# and this join is the truth.
_LIVE = """
    JOIN datasets_document d ON d.id = c.document_id AND d.version = c.version
    WHERE c.dataset_id = ANY(%(datasets)s) AND c.team_id = %(team)s AND c.status = 'ready' AND c.is_enabled
        AND d.is_enabled AND d.deleted_at IS NULL AND {condition}
"""
_CANDIDATES = f"""
    WITH matched AS MATERIALIZED (
        SELECT c.id, ts_rank(c.lexemes, %(query)s::tsquery, 1) AS rank FROM datasets_chunk c {_LIVE}
            AND c.lexemes @@ %(query)s::tsquery ORDER BY rank DESC, c.id LIMIT %(limit)s
    ), wanted AS (
        SELECT id, TRUE AS matched FROM matched
        UNION ALL
        SELECT near.id, FALSE FROM unnest(%(ids)s::uuid[]) AS near (id)
        WHERE near.id NOT IN (SELECT id FROM matched)
    )
    SELECT c.id, c.document_id, d.name, c.dataset_id, c.text, c.page, c.char_start, c.char_end, c.heading_path,
        c.term_count, wanted.matched,
        CASE WHEN wanted.matched THEN (
            SELECT jsonb_object_agg(term, c.terms -> term) FROM unnest(%(terms)s::text[]) AS term WHERE c.terms ? term
        ) END,
        c.answer, c.parent_id, c.version, c.ordinal
    FROM wanted JOIN datasets_chunk c ON c.id = wanted.id {_LIVE}
"""  # noqa: S608  the pieces are constants

_PARENTS = """
    SELECT p.id, p.text FROM datasets_chunkparent p
    JOIN unnest(%(ids)s::uuid[], %(versions)s::int[]) AS wanted (id, version)
        ON wanted.id = p.id AND wanted.version = p.version
    WHERE p.team_id = %(team)s
"""

_CHOSEN = """
    SELECT count(*), coalesce(sum(d.chunk_count), 0) FROM datasets_document d
    WHERE d.dataset_id = %(dataset)s AND d.is_enabled AND d.deleted_at IS NULL AND {condition}
"""
_CHOSEN_IDS = """
    SELECT d.id FROM datasets_document d
    WHERE d.dataset_id = %(dataset)s AND d.is_enabled AND d.deleted_at IS NULL AND {condition}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A dataset as a search sees it."""

    id: UUID
    slug: str
    name: str
    embedding_model: str
    space: str
    dim: int
    chunk_count: int
    term_total: int
    vector_store: str
    kind: str
    settings: Mapping[str, Any]
    df: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A live passage that one of the legs found; `matched` when it was the words."""

    id: UUID
    document_id: UUID
    document_name: str
    dataset_id: UUID
    text: str
    page: int | None
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    term_count: int
    matched: bool
    term_counts: Mapping[str, int]
    answer: str
    parent_id: UUID | None
    version: int
    ordinal: int


def scopes(*, team_id: UUID, slugs: Sequence[str], terms: Sequence[str]) -> list[Scope]:
    """The team's datasets with these slugs or ids, each with the document frequencies of the terms."""
    with connection.cursor() as cursor:
        cursor.execute(_SCOPE, {"team": team_id, "slugs": list(slugs), "terms": list(terms)})
        return [
            Scope(
                id=row[0],
                slug=row[1],
                name=row[2],
                embedding_model=row[3],
                space=row[4],
                dim=row[5],
                chunk_count=row[6],
                term_total=row[7],
                settings=_json(row[8]) or {},
                vector_store=row[9],
                kind=row[10],
                df=_json(row[11]) or {},
            )
            for row in cursor.fetchall()
        ]


def candidates(
    *,
    team_id: UUID,
    dataset_ids: Sequence[UUID],
    tsquery: str,
    terms: Sequence[str],
    near: Sequence[UUID],
    chosen: MetadataFilter | None = None,
) -> list[Candidate]:
    """Live passages that hold a term of the tsquery (the best by rank), and those that the vector leg found.

    `chosen` keeps both to documents whose metadata meet it.
    """
    condition, values = compile_filter(chosen)
    values |= {
        "team": team_id,
        "datasets": list(dataset_ids),
        "query": tsquery,
        "terms": list(terms),
        "ids": list(near),
        "limit": LEXICAL_LIMIT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES.replace("{condition}", condition), values)
        return [
            Candidate(
                id=row[0],
                document_id=row[1],
                document_name=row[2],
                dataset_id=row[3],
                text=row[4],
                page=row[5],
                char_start=row[6],
                char_end=row[7],
                heading_path=tuple(_json(row[8]) or ()),
                term_count=row[9],
                matched=row[10],
                term_counts=_json(row[11]) or {},
                answer=row[12],
                parent_id=row[13],
                version=row[14],
                ordinal=row[15],
            )
            for row in cursor.fetchall()
        ]


def parent_texts(*, team_id: UUID, parents: Sequence[tuple[UUID, int]]) -> dict[UUID, str]:
    """The texts of these parents, each named by its id and its version."""
    values: dict[str, Any] = {
        "team": team_id,
        "ids": [parent for parent, _ in parents],
        "versions": [version for _, version in parents],
    }
    with connection.cursor() as cursor:
        cursor.execute(_PARENTS, values)
        return dict(cursor.fetchall())


def count_chosen(dataset_id: UUID, chosen: MetadataFilter) -> tuple[int, int]:
    """How many documents meet a filter, and how many chunks they have."""
    condition, values = compile_filter(chosen)
    with connection.cursor() as cursor:
        cursor.execute(_CHOSEN.replace("{condition}", condition), values | {"dataset": dataset_id})
        documents, chunks = cursor.fetchone()
    return int(documents), int(chunks)


def chosen_documents(dataset_id: UUID, chosen: MetadataFilter) -> list[UUID]:
    """The documents that meet a filter."""
    condition, values = compile_filter(chosen)
    with connection.cursor() as cursor:
        cursor.execute(_CHOSEN_IDS.replace("{condition}", condition), values | {"dataset": dataset_id})
        return [row[0] for row in cursor.fetchall()]


def _json(value: Any) -> Any:
    # Django tells the driver to leave jsonb as text.
    return orjson.loads(value) if isinstance(value, (str, bytes)) else value
