"""Records, hits and filters in the words of Milvus.

A filter travels as an expression. Texts are written in it, and kept beside the payload, as the hexadecimal digits of
their UTF-8: that keeps their order, and nothing that somebody typed becomes part of an expression.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from apps.datasets.vectorstores.fields import typed_fields
from apps.datasets.vectorstores.filters import Filter, Value, check_filter
from apps.datasets.vectorstores.normal import Both, Compare, Either, Has, Normal, normal_form
from apps.datasets.vectorstores.protocol import Hit, Namespace, Record
from apps.datasets.vectorstores.ranking import clipped

SHOWN = ["id", "document_id", "payload"]
_SIGNS = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def key_of(ns: Namespace, record_id: UUID) -> str:
    """The primary key: two datasets share a collection, so an id alone would not do."""
    return f"{ns.dataset_id.hex}{record_id.hex}"


def row_of(ns: Namespace, record: Record) -> dict[str, Any]:
    """A record as a row."""
    fields = typed_fields(record.payload)
    return {
        "pk": key_of(ns, record.id),
        "dataset_id": str(ns.dataset_id),
        "id": str(record.id),
        "document_id": str(record.document_id),
        "payload": dict(record.payload),
        "typed": {name: _hex(value) if isinstance(value, str) else value for name, value in fields.items()},
        "has": sorted(fields),
        "vector": [float(value) for value in record.vector],
    }


def record_of(row: Mapping[str, Any]) -> Record:
    """A row as a record."""
    return Record(
        id=UUID(row["id"]),
        document_id=UUID(row["document_id"]),
        vector=[float(value) for value in row.get("vector", ())],
        payload=row.get("payload") or {},
    )


def hit_of(found: Mapping[str, Any]) -> Hit:
    """A row with its distance, which is the cosine."""
    row = found["entity"]
    return Hit(
        id=UUID(row["id"]),
        document_id=UUID(row["document_id"]),
        score=clipped(float(found["distance"])),
        payload=row.get("payload") or {},
    )


def expression(
    ns: Namespace,
    where: Filter | None = None,
    *,
    ids: Sequence[UUID] | None = None,
    document_ids: Sequence[UUID] | None = None,
) -> str | None:
    """The conditions on top of the namespace; None when nothing can match."""
    check_filter(where)
    form = normal_form(where)
    parts = [f'dataset_id == "{ns.dataset_id}"']
    if ids is not None:
        parts.append(_one_of("pk", [key_of(ns, each) for each in ids]))
    if document_ids is not None:
        parts.append(_one_of("document_id", [str(each) for each in document_ids]))
    if form is False or any(chosen is not None and not chosen for chosen in (ids, document_ids)):
        return None
    if not isinstance(form, bool):
        parts.append(f"({_written(form)})")
    return " and ".join(parts)


def _one_of(field: str, values: Sequence[str]) -> str:
    return f"{field} in [{', '.join(json.dumps(value) for value in values)}]"


def _written(form: Normal) -> str:
    match form:
        case Both(parts):
            return " and ".join(f"({_written(part)})" for part in parts)
        case Either(parts):
            return " or ".join(f"({_written(part)})" for part in parts)
        case Has(field, wanted):
            found = f'array_contains(has, "{field}")'
            return found if wanted else f"not {found}"
        case Compare(field, comparison, value):
            return f'typed["{field}"] {_SIGNS[comparison]} {_literal(value)}'


def _literal(value: Value) -> str:
    return f'"{_hex(value)}"' if isinstance(value, str) else json.dumps(value)


def _hex(text: str) -> str:
    return text.encode().hex()
