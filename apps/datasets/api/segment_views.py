"""Segments over the API: the chunks of a document, as people change them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.shapes import FORMS, segment_body
from apps.datasets.api.views import DatasetView, body_of, paged, text_in
from apps.datasets.models import Chunk, Document
from apps.datasets.selectors.documents import chunks_of
from apps.datasets.selectors.errors import PassageNotFound
from apps.datasets.services.chunks import add_chunk, delete_chunk, edit_chunk, set_chunk_enabled
from apps.datasets.settings_of_dataset import read_settings
from support.errors import InvalidInput

MAX_SEGMENTS = 100
MAX_CONTENT = 20_000


class Segments(DatasetView):
    """GET and POST /v1/datasets/<id>/documents/<id>/segments."""

    def get(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        found = chunks_of(document).select_related("document")
        if keyword := request.query_params.get("keyword", "").replace("\x00", "").strip():
            found = found.filter(text__icontains=keyword)
        return paged(request, found, segment_body, doc_form=_form(document))

    def post(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        given = body_of(request).get("segments")
        if not isinstance(given, list) or not 0 < len(given) <= MAX_SEGMENTS:
            raise InvalidInput(f"segments must be a list of 1 to {MAX_SEGMENTS} segments.", path="/segments")
        read = [_segment(each, f"/segments/{at}") for at, each in enumerate(given)]
        with transaction.atomic():
            added = [add_chunk(document, text=text, answer=answer).chunk_id for text, answer in read]
        data = [segment_body(_chunk(document, key)) for key in added]
        return Response({"data": data, "doc_form": _form(document)})


class SegmentDetail(DatasetView):
    """GET, POST and DELETE /v1/datasets/<id>/documents/<id>/segments/<id>."""

    def get(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        return Response({"data": segment_body(_chunk(document, segment_id)), "doc_form": _form(document)})

    def post(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        given = body_of(request).get("segment")
        if not isinstance(given, dict):
            raise InvalidInput("segment must be an object.", path="/segment")
        chunk = _chunk(document, segment_id)
        if given.get("content") is not None or given.get("answer") is not None:
            text = text_in(given, "content", most=MAX_CONTENT) or chunk.text
            answer = text_in(given, "answer", most=MAX_CONTENT) or None
            edit_chunk(document, segment_id, text=text, answer=answer if chunk.answer else None)
        enabled = given.get("enabled")
        if enabled is not None and not isinstance(enabled, bool):
            raise InvalidInput("enabled must be true or false.", path="/segment/enabled")
        if enabled is not None and enabled != chunk.is_enabled:
            set_chunk_enabled(document, segment_id, enabled=enabled)
        return Response({"data": segment_body(_chunk(document, segment_id)), "doc_form": _form(document)})

    def delete(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        delete_chunk(self.document(dataset_id, document_id), segment_id)
        return Response(status=204)


def _segment(given: Any, path: str) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise InvalidInput("A segment is an object with content.", path=path)
    return text_in(given, "content", most=MAX_CONTENT, required=True), text_in(given, "answer", most=MAX_CONTENT)


def _chunk(document: Document, chunk_id: UUID) -> Chunk:
    found = chunks_of(document).select_related("document").filter(id=chunk_id).first()
    if found is None:
        raise PassageNotFound("There is no such segment in this document.")
    return found


def _form(document: Document) -> str:
    return FORMS[read_settings(document.dataset.settings).chunking.mode]
