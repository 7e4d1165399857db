"""Reading the metadata of documents: the fields of a dataset, and what a document has in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection

from apps.datasets.models import Dataset, Document, MetadataField
from apps.datasets.selectors.errors import MetadataFieldNotFound
from apps.datasets.selectors.filters import BUILT_IN

_COUNTS = """
    SELECT key, count(*) FROM datasets_document d, jsonb_object_keys(d.attributes) AS key
    WHERE d.dataset_id = %s AND d.deleted_at IS NULL GROUP BY key
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWithCount:
    """A field and how many documents have a value in it."""

    field: MetadataField
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValue:
    """What a document has in a field: None for nothing, seconds since 1970 for a time."""

    id: str
    name: str
    kind: str
    value: str | float | None
    built_in: bool = False

    @property
    def moment(self) -> dt.datetime | None:
        """The value of a time."""
        is_time = self.kind == "time" and isinstance(self.value, (int, float))
        try:
            return dt.datetime.fromtimestamp(float(self.value), dt.UTC) if is_time else None  # type: ignore[arg-type]
        except (OverflowError, ValueError, OSError):  # further away than a calendar reaches
            return None


def fields_of(dataset: Dataset) -> list[MetadataField]:
    """The fields of a dataset by name."""
    return list(MetadataField.objects.filter(dataset=dataset).order_by("name"))


def fields_with_counts(dataset: Dataset) -> list[FieldWithCount]:
    """The same, each with the number of documents that have a value."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [dataset.id])
        counts = dict(cursor.fetchall())
    return [FieldWithCount(field=field, count=counts.get(str(field.id), 0)) for field in fields_of(dataset)]


def open_field(field_id: UUID | str, *, dataset: Dataset) -> MetadataField:
    """The one way to a field. Raises MetadataFieldNotFound."""
    try:
        field = MetadataField.objects.filter(dataset=dataset, id=field_id).first()
    except ValidationError:
        field = None
    if field is None:
        raise MetadataFieldNotFound("There is no such metadata field in this dataset.")
    return field


def values_of(document: Document, fields: Sequence[MetadataField] | None = None) -> list[FieldValue]:
    """What a document has in the fields of its dataset."""
    chosen = fields_of(document.dataset) if fields is None else fields
    attributes: Mapping[str, Any] = document.attributes
    return [
        FieldValue(id=str(field.id), name=field.name, kind=field.kind, value=attributes.get(str(field.id)))
        for field in chosen
    ]


def built_in_values(document: Document) -> list[FieldValue]:
    """What every document has without anybody entering it."""
    values: dict[str, str | float | None] = {
        "document_name": document.name,
        "uploader": document.created_by.get_username() if document.created_by else None,
        "upload_date": document.created_at.timestamp(),
        "last_update_date": document.updated_at.timestamp(),
        "source": document.metadata.get("source") or "file_upload",
    }
    return [
        FieldValue(id="built-in", name=name, kind=kind, value=values[name], built_in=True)
        for name, (kind, _sql) in BUILT_IN.items()
    ]
