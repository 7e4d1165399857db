"""The statements of the pgvector adapter. Names are composed, values always travel as parameters."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from apps.datasets.vectorstores.protocol import Namespace

LOCK = 7_340_000
"""Base of the advisory locks under which tables are made."""
MIGRATED_DIM = 1_024
"""The dimension whose table a migration makes: that of the built-in model."""

MAKE_TABLE: tuple[LiteralString, ...] = (
    """CREATE TABLE IF NOT EXISTS {table} (
        dataset_id uuid NOT NULL, space text NOT NULL, id uuid NOT NULL, document_id uuid NOT NULL,
        payload jsonb NOT NULL DEFAULT '{{}}', embedding halfvec({dim}) NOT NULL,
        PRIMARY KEY (dataset_id, space, id))""",
    # A row must fit its page when it is not compressed away.
    "ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE {storage}",
    "CREATE INDEX IF NOT EXISTS {document_index} ON {table} (document_id)",
)
MAKE_INDEX: LiteralString = """
    CREATE INDEX CONCURRENTLY {index} ON {table} USING hnsw (embedding halfvec_cosine_ops)
    WITH (m = 16, ef_construction = 64)
"""
VALID_INDEX: LiteralString = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid"

MAKE_STAGING: LiteralString = "CREATE TEMPORARY TABLE vector_staging (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP"
COPY_STAGING: LiteralString = """
    COPY vector_staging (dataset_id, space, id, document_id, payload, embedding) FROM STDIN (FORMAT BINARY)
"""
STAGED_TYPES = ("uuid", "text", "uuid", "uuid", "jsonb", "bytea")
"""How the columns travel; the bytes of the last are what the server reads a halfvec from."""
MERGE_STAGING: LiteralString = """
    INSERT INTO {table} SELECT * FROM vector_staging
    ON CONFLICT (dataset_id, space, id) DO UPDATE SET
        document_id = EXCLUDED.document_id, payload = EXCLUDED.payload, embedding = EXCLUDED.embedding
"""

# The sum keeps the planner from the HNSW index, which would lose rows; several processes may share the work.
EXACT: LiteralString = """
    SELECT id, document_id, payload, 1 - distance FROM (
        SELECT id, document_id, payload, (embedding <=> %s::halfvec) + 0 AS distance
        FROM {table} WHERE {here} AND {condition}
    ) AS scored ORDER BY distance, id LIMIT %s
"""
NEAREST: LiteralString = """
    SELECT id, document_id, payload, 1 - (embedding <=> %s::halfvec) FROM {table}
    WHERE {here} AND {condition} ORDER BY embedding <=> %s::halfvec LIMIT %s
"""
PAGE: LiteralString = """
    SELECT id, document_id, payload, embedding::text FROM {table}
    WHERE {here} AND id > %s ORDER BY id LIMIT %s
"""

PAGE_OF_IDS: LiteralString = """
    SELECT id, document_id, '{{}}', NULL FROM {table} WHERE {here} AND id > %s ORDER BY id LIMIT %s
"""
HELD: LiteralString = "SELECT id FROM {table} WHERE {here} AND id = ANY(%s)"
FETCH: LiteralString = """
    SELECT id, document_id, payload, embedding::text FROM {table} WHERE {here} AND id = ANY(%s) ORDER BY id
"""

_HERE: LiteralString = "dataset_id = %s AND space = %s"
_WHOLE_ROW_FITS = 3_500


def table_name(dim: int) -> str:
    """The table of a dimension."""
    return f"chunk_vector_{int(dim)}"


def index_name(dim: int) -> str:
    """Its HNSW index."""
    return f"{table_name(dim)}_hnsw"


def on(ns: Namespace, statement: LiteralString, *, condition: sql.Composable | None = None) -> sql.Composed:
    """The statement with the names of the namespace's dimension filled in."""
    return sql.SQL(statement).format(
        table=sql.Identifier(table_name(ns.dim)),
        index=sql.Identifier(index_name(ns.dim)),
        document_index=sql.Identifier(f"{table_name(ns.dim)}_document"),
        dim=sql.SQL(str(int(ns.dim))),
        storage=sql.SQL("PLAIN" if ns.dim <= _WHOLE_ROW_FITS else "EXTERNAL"),
        here=sql.SQL(_HERE),
        condition=condition or sql.SQL("TRUE"),
    )
