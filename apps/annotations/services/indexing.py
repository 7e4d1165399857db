"""An index for apps with very many answers, so that the nearest one is found in a few milliseconds.

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
from apps.annotations.selectors.reply import KINDS, SLOTS

#: Below this an exact search is fast enough.
FROM = 500
#: pgvector indexes half vectors up to this length.
MAX_DIM = 4_000
PREFIX = "annotation_nearest_"
_TABLES = {kind._meta.db_table: kind for kind in KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An app's annotations, or its examples, in one vector space."""

    application_id: UUID
    space: str
    slot: int = 0
    table: str = Annotation._meta.db_table

    @property
    def index_name(self) -> str:
        """The same name for the same app, space and place."""
        named = f"{self.application_id}/{self.space}"
        if self.slot or self.table != Annotation._meta.db_table:
            named = f"{named}/{self.slot}/{self.table}"
        return f"{PREFIX}{hashlib.sha256(named.encode()).hexdigest()[:24]}"


def index_large_stores() -> list[str]:
    """Make the missing indexes and drop those that serve no store; names of the new ones. Not inside a transaction."""
    stores = _large_stores()
    made = [store.index_name for store in stores if _make_index(store)]
    _drop_others({store.index_name for store in stores})
    return made


def index_store(store: Store) -> bool:
    """Make the index of one store, if it is large enough and has none. Not inside a transaction."""
    space, vector = SLOTS[store.slot]
    rows = _TABLES[store.table]._default_manager.filter(application_id=store.application_id, **{space: store.space})
    return rows.exclude(**{vector: None})[:FROM].count() >= FROM and _make_index(store)


def _large_stores() -> list[Store]:
    found = []
    for table, kind in _TABLES.items():
        for slot, (space, vector) in enumerate(SLOTS):
            rows = kind._default_manager.exclude(**{vector: None}).order_by()
            counted = rows.values_list("application_id", space).annotate(count=Count("id")).filter(count__gte=FROM)
            found += [Store(application_id=app, space=name, slot=slot, table=table) for app, name, _count in counted]
    return found


def _make_index(store: Store) -> bool:
    space, vector = SLOTS[store.slot]
    with connection.cursor() as cursor:
        _drop_broken(cursor, store.index_name)
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [store.index_name])
        if cursor.fetchone()[0]:
            return False
        rows = _TABLES[store.table]._default_manager.filter(application_id=store.application_id, **{space: store.space})
        sample = rows.exclude(**{vector: None}).values_list(vector, flat=True).first()
        dim = len(sample) if sample is not None else 0
        if not 0 < dim <= MAX_DIM:
            return False
        statement = sql.SQL(
            "CREATE INDEX CONCURRENTLY {name} ON {table} USING hnsw (({vector}::halfvec({dim})) halfvec_cosine_ops)"
            " WHERE application_id = {application} AND is_enabled AND {space} = {value}"
        ).format(
            name=sql.Identifier(store.index_name),
            table=sql.Identifier(store.table),
            vector=sql.Identifier(vector),
            space=sql.Identifier(space),
            dim=sql.Literal(dim),
            application=sql.Literal(str(store.application_id)),
            value=sql.Literal(store.space),
        )
        cursor.execute(statement.as_string(cursor.connection))
    return True


def _drop_broken(cursor: CursorWrapper, name: str) -> None:
    """An index that was interrupted while it was made is there, costs writes and serves nobody."""
    cursor.execute("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid", [name])
    if cursor.fetchone():
        _drop(cursor, name)


def _drop_others(kept: set[str]) -> None:
    """Indexes of stores that moved, shrank or were deleted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE starts_with(indexname, %s)", [PREFIX])
        for (name,) in cursor.fetchall():
            if name not in kept:
                _drop(cursor, name)


def _drop(cursor: CursorWrapper, name: str) -> None:
    cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(name)).as_string(cursor.connection))
