"""An index for apps with very many annotations, so that the nearest one is found in a few milliseconds.

Each such app gets an index over its own enabled rows of one space: in a shared one the equal questions of other teams
would crowd out the app's own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Count
from psycopg import sql

from apps.annotations.models import Annotation

#: Below this an exact search is fast enough.
FROM = 500
#: pgvector indexes half vectors up to this length.
MAX_DIM = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An app's annotations in one vector space."""

    application_id: UUID
    space: str

    @property
    def index_name(self) -> str:
        """The same name for the same app and space."""
        digest = hashlib.sha256(f"{self.application_id}/{self.space}".encode()).hexdigest()
        return f"annotation_nearest_{digest[:24]}"


def index_large_stores() -> list[str]:
    """Make the missing indexes without blocking writers; returns their names. Not inside a transaction."""
    rows = (
        Annotation.objects.exclude(embedding=None)
        .order_by()
        .values_list("application_id", "embedding_space")
        .annotate(count=Count("id"))
        .filter(count__gte=FROM)
    )
    stores = [Store(application_id=application, space=space) for application, space, _count in rows]
    return [store.index_name for store in stores if _make_index(store)]


def _make_index(store: Store) -> bool:
    with connection.cursor() as cursor:
        _drop_broken(cursor, store.index_name)
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [store.index_name])
        if cursor.fetchone()[0]:
            return False
        in_store = Annotation.objects.filter(application_id=store.application_id, embedding_space=store.space)
        sample = in_store.exclude(embedding=None).values_list("embedding", flat=True).first()
        dim = len(sample) if sample is not None else 0
        if not 0 < dim <= MAX_DIM:
            return False
        statement = sql.SQL(
            "CREATE INDEX CONCURRENTLY {name} ON {table} USING hnsw ((embedding::halfvec({dim})) halfvec_cosine_ops)"
            " WHERE application_id = {application} AND is_enabled AND embedding_space = {space}"
        ).format(
            name=sql.Identifier(store.index_name),
            table=sql.Identifier(Annotation._meta.db_table),
            dim=sql.Literal(dim),
            application=sql.Literal(str(store.application_id)),
            space=sql.Literal(store.space),
        )
        cursor.execute(statement.as_string(cursor.connection))
    return True


def _drop_broken(cursor: CursorWrapper, name: str) -> None:
    """An index that was interrupted while it was made is there, costs writes and serves nobody."""
    cursor.execute("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid", [name])
    if cursor.fetchone():
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(name)).as_string(cursor.connection))
