"""Segments over the API: the chunks of a document, as people change them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.parent_segments import (
    ParentSegments,
    delete_parent,
    has_parents,
    parent_bodies,
    parent_of,
    set_parent_enabled,
)
from apps.datasets.api.shapes import form_of, hits_of_chunks, segment_body
from apps.datasets.api.views import DatasetView, body_of, page_of, text_in
from apps.datasets.models import Chunk, ChunkParent, Document
from apps.datasets.selectors.documents import chunks_of
from apps.datasets.selectors.errors import PassageNotFound
from apps.datasets.services.chunks import add_chunk, delete_chunk, edit_chunk, set_chunk_enabled
from support.errors import InvalidInput

MAX_SEGMENTS = 100
MAX_CONTENT = 20_000


class Segments(DatasetView):
    """GET and POST /v1/datasets/<id>/documents/<id>/segments."""

    def get(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        keyword = request.query_params.get("keyword", "").replace("\x00", "").strip()
        if has_parents(document):
            parents = ParentSegments(document, keyword=keyword)
            page = page_of(request, total=parents.count())
            data = parents.bodies(start=page.start, stop=page.stop)
            return Response({"data": data, "doc_form": form_of(document), **page.as_dict()})
        found = chunks_of(document).select_related("document")
        if keyword:
            found = found.filter(text__icontains=keyword)
        page = page_of(request, total=found.count())
        data = _bodies(found[page.start : page.stop])
        return Response({"data": data, "doc_form": form_of(document), **page.as_dict()})

    def post(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        given = body_of(request).get("segments")
        if not isinstance(given, list) or not 0 < len(given) <= MAX_SEGMENTS:
            raise InvalidInput(f"segments must be a list of 1 to {MAX_SEGMENTS} segments.", path="/segments")
        read = [_segment(each, f"/segments/{at}") for at, each in enumerate(given)]
        with transaction.atomic():
            added = [add_chunk(document, text=text, answer=answer).chunk_id for text, answer in read]
        data = _bodies([_chunk(document, key) for key in added])
        return Response({"data": data, "doc_form": form_of(document)})


class SegmentDetail(DatasetView):
    """GET, POST and DELETE /v1/datasets/<id>/documents/<id>/segments/<id>."""

    def get(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        return self._answer(self.document(dataset_id, document_id), segment_id)

    def post(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        given = body_of(request).get("segment")
        if not isinstance(given, dict):
            raise InvalidInput("segment must be an object.", path="/segment")
        enabled = given.get("enabled")
        if enabled is not None and not isinstance(enabled, bool):
            raise InvalidInput("enabled must be true or false.", path="/segment/enabled")
        if (parent := parent_of(document, segment_id)) is not None:
            self._change_parent(document, parent, given)
            return self._answer(document, segment_id)
        chunk = _chunk(document, segment_id)
        if given.get("content") is not None or given.get("answer") is not None:
            text = text_in(given, "content", most=MAX_CONTENT) or chunk.text
            answer = text_in(given, "answer", most=MAX_CONTENT) or None
            edit_chunk(document, segment_id, text=text, answer=answer if chunk.answer else None)
        if enabled is not None and enabled != chunk.is_enabled:
            set_chunk_enabled(document, segment_id, enabled=enabled)
        return self._answer(document, segment_id)

    def delete(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        document = self.document(dataset_id, document_id)
        if (parent := parent_of(document, segment_id)) is not None:
            delete_parent(document, parent)
        else:
            delete_chunk(document, segment_id)
        return Response(status=204)

    def _answer(self, document: Document, segment_id: UUID) -> Response:
        parent = parent_of(document, segment_id)
        bodies = parent_bodies(document, [parent]) if parent else _bodies([_chunk(document, segment_id)])
        return Response({"data": bodies[0], "doc_form": form_of(document)})

    def _change_parent(self, document: Document, parent: ChunkParent, given: dict[str, Any]) -> None:
        content = given.get("content")
        if content is not None and content != parent.text:
            raise InvalidInput(
                "The text of this segment is what the file says. Change its child chunks instead.",
                path="/segment/content",
            )
        if isinstance(given.get("enabled"), bool):
            set_parent_enabled(document, parent, enabled=given["enabled"])


def _segment(given: Any, path: str) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise InvalidInput("A segment is an object with content.", path=path)
    return text_in(given, "content", most=MAX_CONTENT, required=True), text_in(given, "answer", most=MAX_CONTENT)


def _bodies(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    listed = list(chunks)
    counted = hits_of_chunks(each.id for each in listed)
    return [segment_body(each, hits=counted.get(each.id, 0)) for each in listed]


def _chunk(document: Document, chunk_id: UUID) -> Chunk:
    found = chunks_of(document).select_related("document").filter(id=chunk_id).first()
    if found is None:
        raise PassageNotFound("There is no such segment in this document.")
    return found
