"""Records, hits and filters in the words of Qdrant's client."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from qdrant_client import models

from apps.datasets.vectorstores.errors import UnknownFilter
from apps.datasets.vectorstores.fields import typed_fields
from apps.datasets.vectorstores.filters import Filter, check_filter
from apps.datasets.vectorstores.normal import Both, Compare, Either, Has, Normal, normal_form
from apps.datasets.vectorstores.protocol import Hit, Namespace, Record
from apps.datasets.vectorstores.ranking import clipped


def point_id(ns: Namespace, record_id: UUID) -> str:
    # Two datasets share a collection, so an id alone would not do.
    return str(uuid.uuid5(ns.dataset_id, str(record_id)))


def point_of(ns: Namespace, record: Record) -> models.PointStruct:
    fields = typed_fields(record.payload)
    payload = {
        "dataset_id": str(ns.dataset_id),
        "document_id": str(record.document_id),
        "id": str(record.id),
        "payload": dict(record.payload),
        "has": sorted(fields),
        **fields,
    }
    return models.PointStruct(id=point_id(ns, record.id), vector=list(record.vector), payload=payload)


def hit_of(point: Any) -> Hit:
    held = point.payload
    return Hit(
        id=UUID(held["id"]),
        document_id=UUID(held["document_id"]),
        score=clipped(point.score),
        payload=held["payload"],
    )


def record_of(point: Any) -> Record:
    held = point.payload
    return Record(
        id=UUID(held["id"]),
        document_id=UUID(held["document_id"]),
        vector=point.vector or [],
        payload=held["payload"],
    )


def scope(ns: Namespace, *conditions: models.Condition) -> models.Filter:
    here = models.FieldCondition(key="dataset_id", match=models.MatchValue(value=str(ns.dataset_id)))
    return models.Filter(must=[here, *conditions])


def filter_of(
    ns: Namespace,
    where: Filter | None,
    *,
    ids: Sequence[UUID] | None = None,
    document_ids: Sequence[UUID] | None = None,
) -> models.Filter | None:
    """The conditions on top of the namespace; None when nothing can match."""
    check_filter(where)
    form = normal_form(where)
    conditions: list[models.Condition] = []
    for field, chosen in (("id", ids), ("document_id", document_ids)):
        if chosen is not None:
            if not chosen:
                return None
            conditions.append(
                models.FieldCondition(key=field, match=models.MatchAny(any=[str(each) for each in chosen]))
            )
    if isinstance(form, bool):
        return scope(ns, *conditions) if form else None
    return scope(ns, *conditions, _condition(form))


def _condition(form: Normal) -> models.Condition:
    match form:
        case Both(parts):
            return models.Filter(must=[_condition(part) for part in parts])
        case Either(parts):
            return models.Filter(should=[_condition(part) for part in parts])
        case Has(field, wanted):
            found = models.FieldCondition(key="has", match=models.MatchValue(value=field))
            return found if wanted else models.Filter(must_not=[found])
        case Compare(field, "ne", value):
            return models.Filter(must_not=[_condition(Compare(field, "eq", value))])
        case Compare(field, comparison, value):
            return _compared(field, comparison, value)


def _compared(field: str, comparison: str, value: Any) -> models.FieldCondition:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        bounds = {"gte": value, "lte": value} if comparison == "eq" else {comparison: value}
        return models.FieldCondition(key=field, range=models.Range(**bounds))
    if comparison != "eq":
        raise UnknownFilter("Qdrant compares texts for equality only.", operator=comparison)
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))
