"""Metadata over the API: the fields of a dataset, and values of many documents at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.views import DatasetView, body_of, text_in
from apps.datasets.models import MetadataField
from apps.datasets.selectors.filters import BUILT_IN
from apps.datasets.selectors.metadata import fields_with_counts, open_field
from apps.datasets.services.metadata import (
    MAX_NAME,
    add_field,
    delete_field,
    rename_field,
    replace_values,
    set_values,
)
from support.errors import InvalidInput


class Metadata(DatasetView):
    """GET and POST /v1/datasets/<id>/metadata."""

    def get(self, request: Request, dataset_id: UUID) -> Response:
        fields = [
            {**field_body(each.field), "count": each.count} for each in fields_with_counts(self.dataset(dataset_id))
        ]
        return Response({"doc_metadata": fields, "built_in_field_enabled": True})

    def post(self, request: Request, dataset_id: UUID) -> Response:
        body = body_of(request)
        name = text_in(body, "name", most=MAX_NAME, required=True)
        field = add_field(self.dataset(dataset_id), name=name, kind=text_in(body, "type", most=20, required=True))
        return Response(field_body(field), status=201)


class MetadataDetail(DatasetView):
    """PATCH and DELETE /v1/datasets/<id>/metadata/<id>."""

    def patch(self, request: Request, dataset_id: UUID, field_id: UUID) -> Response:
        field = open_field(field_id, dataset=self.dataset(dataset_id))
        name = text_in(body_of(request), "name", most=MAX_NAME, required=True)
        return Response(field_body(rename_field(field, name=name)))

    def delete(self, request: Request, dataset_id: UUID, field_id: UUID) -> Response:
        delete_field(open_field(field_id, dataset=self.dataset(dataset_id)))
        return Response(status=204)


class BuiltInMetadata(DatasetView):
    """GET /v1/datasets/<id>/metadata/built-in: fields that every document has."""

    def get(self, request: Request, dataset_id: UUID) -> Response:
        self.dataset(dataset_id)
        return Response({"fields": [{"name": name, "type": kind} for name, (kind, _sql) in BUILT_IN.items()]})


class BuiltInSwitch(DatasetView):
    """POST /v1/datasets/<id>/metadata/built-in/<action>: they are always there, so only `enable` is true."""

    def post(self, request: Request, dataset_id: UUID, action: str) -> Response:
        self.dataset(dataset_id)
        if action != "enable":
            raise InvalidInput("Built-in fields are always there; they cannot be switched off.", path="/action")
        return Response({"result": "success"})


class DocumentsMetadata(DatasetView):
    """POST /v1/datasets/<id>/documents/metadata: values of many documents, all of them or none."""

    def post(self, request: Request, dataset_id: UUID) -> Response:
        dataset = self.dataset(dataset_id)
        operations = body_of(request).get("operation_data")
        if not isinstance(operations, list) or not 0 < len(operations) <= 1_000:
            raise InvalidInput("operation_data must be a list of 1 to 1,000 entries.", path="/operation_data")
        with transaction.atomic():
            for at, each in enumerate(operations):
                path = f"/operation_data/{at}"
                given = each if isinstance(each, dict) else {}
                document = self.document(dataset_id, given.get("document_id"))
                values = _values(given.get("metadata_list"), f"{path}/metadata_list")
                if given.get("partial_update"):
                    set_values(dataset, document_ids=[document.id], values=values)
                else:
                    replace_values(document, values=values)
        return Response({"result": "success"})


def field_body(field: MetadataField) -> dict[str, Any]:
    """A field in the wire's shape."""
    return {"id": str(field.id), "name": field.name, "type": field.kind}


def _values(given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, list) or not all(isinstance(each, dict) and each.get("id") for each in given):
        raise InvalidInput("metadata_list must be a list of {id, value}.", path=path)
    # Clients send the built-in fields back as they got them; nobody can change those.
    return {str(each["id"]): each.get("value") for each in given if each["id"] != "built-in"}
