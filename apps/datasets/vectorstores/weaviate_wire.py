"""Records, hits, classes and filters in the words of Weaviate's client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from weaviate.classes.config import DataType, Property, Tokenization
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter as Asked

from apps.datasets.vectorstores.fields import collection_name, kind_of, typed_fields
from apps.datasets.vectorstores.filters import Value
from apps.datasets.vectorstores.normal import Both, Compare, Either, Has, Normal
from apps.datasets.vectorstores.protocol import Hit, Namespace, Record
from apps.datasets.vectorstores.ranking import clipped

SHOWN = ["document_id", "payload"]


def class_of(ns: Namespace) -> dict[str, Any]:
    """The definition of the class of a space: tenants apart, nulls indexed so that a filter can ask for them."""
    return {
        "class": collection_name(ns),
        "vectorizer": "none",
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": {"distance": "cosine"},
        "invertedIndexConfig": {"indexNullState": True},
        "multiTenancyConfig": {"enabled": True, "autoTenantCreation": False},
        "properties": [
            _text("document_id", filterable=True),
            _text("payload", filterable=False),
        ],
    }


def property_of(name: str) -> Property:
    """The property of a typed field (see `fields.py`)."""
    kind = {"s": DataType.TEXT, "n": DataType.NUMBER, "b": DataType.BOOL}[name[0]]
    return Property(
        name=name,
        data_type=kind,
        index_filterable=True,
        index_searchable=False if kind is DataType.TEXT else None,
        tokenization=Tokenization.FIELD if kind is DataType.TEXT else None,
    )


def object_of(record: Record) -> DataObject[Any, None]:
    """A record as an object."""
    properties = {name: _plain(value) for name, value in typed_fields(record.payload).items()}
    return DataObject(
        uuid=record.id,
        vector=[float(value) for value in record.vector],
        properties={
            "document_id": str(record.document_id),
            "payload": orjson.dumps(dict(record.payload)).decode(),
            **properties,
        },
    )


def hit_of(found: Any) -> Hit:
    """An object with its distance, which is one less the cosine."""
    return Hit(
        id=UUID(str(found.uuid)),
        document_id=UUID(found.properties["document_id"]),
        score=clipped(1.0 - found.metadata.distance),
        payload=orjson.loads(found.properties["payload"]),
    )


def record_of(found: Any) -> Record:
    """An object as a record."""
    return Record(
        id=UUID(str(found.uuid)),
        document_id=UUID(found.properties["document_id"]),
        vector=found.vector.get("default", []) if found.vector else [],
        payload=orjson.loads(found.properties["payload"]),
    )


def asked(
    form: Normal | bool, *, ids: Sequence[UUID] | None = None, document_ids: Sequence[UUID] | None = None
) -> Any | None:
    """The filter to send; None for no filter. The caller has ruled out what can never match."""
    parts: list[Any] = [] if isinstance(form, bool) else [_asked(form)]
    if ids is not None:
        parts.append(Asked.by_id().contains_any([str(each) for each in ids]))
    if document_ids is not None:
        parts.append(Asked.by_property("document_id").contains_any([str(each) for each in document_ids]))
    if len(parts) < 2:
        return parts[0] if parts else None
    return Asked.all_of(parts)


def _asked(form: Normal) -> Any:
    match form:
        case Both(parts):
            return Asked.all_of([_asked(part) for part in parts])
        case Either(parts):
            return Asked.any_of([_asked(part) for part in parts])
        case Has(field, wanted):
            return Asked.by_property(field).is_none(not wanted)
        case Compare(field, comparison, value):
            named, plain = Asked.by_property(field), _plain(value)
            match comparison:
                case "eq":
                    return named.equal(plain)
                case "ne":
                    return named.not_equal(plain)
                case "gt":
                    return named.greater_than(plain)
                case "gte":
                    return named.greater_or_equal(plain)
                case "lt":
                    return named.less_than(plain)
                case "lte":
                    return named.less_or_equal(plain)


def _plain(value: Value) -> Value:
    # A number property refuses to be compared with an integer.
    return float(value) if kind_of(value) == "n" else value


def _text(name: str, *, filterable: bool) -> dict[str, Any]:
    return {
        "name": name,
        "dataType": ["text"],
        "tokenization": "field",
        "indexFilterable": filterable,
        "indexSearchable": False,
    }
