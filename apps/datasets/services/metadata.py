"""Metadata fields come, are renamed and go; documents get values in them, one by one or many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, Document, MetadataField
from apps.datasets.selectors.filters import BUILT_IN
from apps.datasets.services.errors import MetadataFieldExists
from apps.datasets.services.metadata_filters import read_value
from support.errors import InvalidInput

MAX_FIELDS = 100
MAX_NAME = 100

_SET = """
    UPDATE datasets_document SET attributes = (attributes - %s::text[]) || %s::jsonb, updated_at = now()
    WHERE dataset_id = %s AND id = ANY(%s::uuid[]) AND deleted_at IS NULL
"""
_REMOVE = "UPDATE datasets_document SET attributes = attributes - %s WHERE dataset_id = %s AND attributes ? %s"


def add_field(dataset: Dataset, *, name: str, kind: str) -> MetadataField:
    """A new field. Raises InvalidInput, and MetadataFieldExists when the name is taken."""
    if kind not in MetadataField.Kind.values:
        raise InvalidInput(
            _("A metadata field holds one of: %(kinds)s.") % {"kinds": ", ".join(MetadataField.Kind.values)}
        )
    name = _checked_name(name)
    if MetadataField.objects.filter(dataset=dataset).count() >= MAX_FIELDS:
        raise InvalidInput(_("A dataset has up to %(number)s metadata fields.") % {"number": MAX_FIELDS})
    try:
        with transaction.atomic():
            return MetadataField.objects.create(team_id=dataset.team_id, dataset=dataset, name=name, kind=kind)
    except IntegrityError as exc:
        raise _exists(name) from exc


def rename_field(field: MetadataField, *, name: str) -> MetadataField:
    """Give a field another name; the values stay. Raises InvalidInput, MetadataFieldExists."""
    name = _checked_name(name)
    try:
        with transaction.atomic():
            MetadataField.objects.filter(id=field.id).update(name=name)
    except IntegrityError as exc:
        raise _exists(name) from exc
    field.name = name
    return field


@transaction.atomic
def delete_field(field: MetadataField) -> None:
    """Remove a field with the values of all documents."""
    with connection.cursor() as cursor:
        cursor.execute(_REMOVE, [str(field.id), field.dataset_id, str(field.id)])
    field.delete()


def set_values(dataset: Dataset, *, document_ids: Iterable[UUID], values: Mapping[str, Any]) -> int:
    """Write values, by the field's id, into documents; None and empty texts remove. Returns how many documents.

    One statement for however many documents. Raises InvalidInput for a field that is not there and for a value that
    is not of its kind; nothing is changed then.
    """
    fields = {str(field.id): field for field in MetadataField.objects.filter(dataset=dataset)}
    kept: dict[str, str | float] = {}
    removed: list[str] = []
    for key, value in values.items():
        field = fields.get(str(key))
        if field is None:
            raise InvalidInput(_("There is no such metadata field in this dataset."), path=f"/{key}")
        if value is None or value == "":
            removed.append(str(key))
        else:
            kept[str(key)] = read_value(value, kind=field.kind, path=f"/{field.name}")
    ids = "{" + ",".join(str(each) for each in document_ids) + "}"
    with connection.cursor() as cursor:
        cursor.execute(_SET, [removed, orjson.dumps(kept).decode(), dataset.id, ids])
        return int(cursor.rowcount)


def replace_values(document: Document, *, values: Mapping[str, Any]) -> None:
    """Make these all the values that a document has. Raises InvalidInput."""
    rest = {str(key) for key in MetadataField.objects.filter(dataset=document.dataset).values_list("id", flat=True)}
    set_values(document.dataset, document_ids=[document.id], values=dict.fromkeys(rest) | dict(values))


def forget_of_dataset(dataset_id: UUID) -> None:
    """Remove what a deleted dataset has of metadata fields, queries and evaluations."""
    with connection.cursor() as cursor:
        for table in ("datasets_metadatafield", "datasets_datasetquery", "datasets_evaluation"):
            cursor.execute(f"DELETE FROM {table} WHERE dataset_id = %s", [dataset_id])  # noqa: S608  constants


def _checked_name(name: str) -> str:
    cleaned = "".join(char for char in name if char.isprintable()).strip()
    if not cleaned or len(cleaned) > MAX_NAME:
        raise InvalidInput(_("A metadata field needs a name of up to %(number)s characters.") % {"number": MAX_NAME})
    if cleaned in BUILT_IN:
        raise _exists(cleaned)
    return cleaned


def _exists(name: str) -> MetadataFieldExists:
    return MetadataFieldExists(_("There is a metadata field “%(name)s” already.") % {"name": name}, name=name)
