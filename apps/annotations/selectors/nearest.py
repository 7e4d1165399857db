"""The hot path: which annotation answers a question, and which examples are nearest, in one query each.

A table of one app's annotations is small and is searched exactly. An app with very many gets an index of its own
(`services.indexing`), which the same query then uses: the cast to a fixed dimension and the conditions are its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from apps.annotations.models import Annotation, FewShotExample
from apps.annotations.selectors.reply import SLOTS
from apps.annotations.text.questions import may_mean_the_same, question_key

#: Near questions looked at before giving up.
CANDIDATES = 5
_ROW = "id, question, answer, created_by_id"
_SAME = """(
    SELECT {row}, 1.0::float8 AS score, TRUE AS exact FROM {table}
    WHERE application_id = %(application)s AND is_enabled AND question_key = %(key)s
    ORDER BY updated_at DESC LIMIT 1
)"""
_NEAR = """(
    SELECT {row}, 1 - ({vector}::halfvec({dim}) <=> %(vector)s::halfvec({dim})) AS score, FALSE AS exact FROM {table}
    WHERE application_id = %(application)s AND is_enabled AND {space} = %(space)s
    ORDER BY {vector}::halfvec({dim}) <=> %(vector)s::halfvec({dim}) LIMIT %(limit)s
)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A stored answer, and how near its question is (cosine; 1.0 when it is the same question)."""

    id: UUID
    question: str
    answer: str
    created_by_id: UUID | None
    score: float
    exact: bool


def matching_annotation(
    application_id: UUID,
    question: str,
    *,
    vector: Sequence[float] | None,
    space: str,
    threshold: float,
    slot: int = 0,
) -> Match | None:
    """The enabled annotation of the app with the same question, or else the nearest at or above the threshold.

    A near question that differs in a number or a denial is passed over. Without a vector only the same one is found.
    """
    table = Annotation._meta.db_table
    key = question_key(question)
    found = _search(table, application_id, key=key, vector=vector, space=space, slot=slot, limit=CANDIDATES)
    for match in found:
        if match.exact or (match.score >= threshold and may_mean_the_same(question, match.question)):
            return match
    return None


def nearest_annotations(
    application_id: UUID, question: str, *, vector: Sequence[float] | None, space: str, slot: int, limit: int
) -> list[Match]:
    """The enabled annotations of the app that are looked at for a question, the same question first, then nearest."""
    table = Annotation._meta.db_table
    key = question_key(question)
    return _search(table, application_id, key=key, vector=vector, space=space, slot=slot, limit=limit)


def nearest_examples(
    application_id: UUID, *, vector: Sequence[float], space: str, limit: int, slot: int = 0
) -> list[Match]:
    """The enabled few-shot examples of the app nearest to the vector, nearest first."""
    table = FewShotExample._meta.db_table
    return _search(table, application_id, key=None, vector=vector, space=space, slot=slot, limit=limit)


def _search(
    table: str,
    application_id: UUID,
    *,
    key: str | None,
    vector: Sequence[float] | None,
    space: str,
    slot: int,
    limit: int,
) -> list[Match]:
    """Same question first, then by score."""
    parts = [_SAME.format(row=_ROW, table=table)] if key is not None else []
    if vector is not None:
        space_column, vector_column = SLOTS[slot]
        parts.append(_NEAR.format(row=_ROW, table=table, dim=len(vector), space=space_column, vector=vector_column))
    values = {
        "application": application_id,
        "key": key,
        "space": space,
        "limit": limit,
        "vector": as_literal(vector),
    }
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        names = [column.name for column in cursor.description or ()]
        found = [Match(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    return sorted(found, key=lambda match: (match.exact, match.score), reverse=True)


def as_literal(vector: Sequence[float] | None) -> str | None:
    """A vector as pgvector reads it."""
    return None if vector is None else "[" + ",".join(f"{value:.6g}" for value in vector) + "]"
