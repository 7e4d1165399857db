"""Child chunks over the API: what is embedded of a segment, one by one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.parent_segments import child_body, children_of, open_child, parent_of
from apps.datasets.api.segment_views import MAX_CONTENT
from apps.datasets.api.views import DatasetView, body_of, paged, text_in
from apps.datasets.models import Document
from apps.datasets.selectors.errors import PassageNotFound
from apps.datasets.services.chunks import add_chunk, delete_chunk, edit_chunk


class ChildChunks(DatasetView):
    """GET and POST /v1/datasets/<id>/documents/<id>/segments/<id>/child_chunks."""

    def get(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        document = self._with_segment(dataset_id, document_id, segment_id)
        found = children_of(document, segment_id)
        if keyword := request.query_params.get("keyword", "").replace("\x00", "").strip():
            found = found.filter(text__icontains=keyword)
        answer = paged(request, found, child_body)
        answer.data["total_pages"] = -(-answer.data["total"] // answer.data["limit"])
        return answer

    def post(self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID) -> Response:
        document = self._with_segment(dataset_id, document_id, segment_id)
        text = text_in(body_of(request), "content", most=MAX_CONTENT, required=True)
        added = add_chunk(document, text=text, parent=segment_id)
        return Response({"data": child_body(open_child(document, segment_id, added.chunk_id))})

    def _with_segment(self, dataset_id: Any, document_id: Any, segment_id: UUID) -> Document:
        document = self.document(dataset_id, document_id)
        if parent_of(document, segment_id) is None:
            raise PassageNotFound("There is no such segment with child chunks in this document.")
        return document


class ChildChunkDetail(DatasetView):
    """PATCH and DELETE /v1/datasets/<id>/documents/<id>/segments/<id>/child_chunks/<id>."""

    def patch(
        self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID, child_id: UUID
    ) -> Response:
        document = self.document(dataset_id, document_id)
        child = open_child(document, segment_id, child_id)
        edit_chunk(document, child.id, text=text_in(body_of(request), "content", most=MAX_CONTENT, required=True))
        return Response({"data": child_body(open_child(document, segment_id, child.id))})

    def delete(
        self, request: Request, dataset_id: UUID, document_id: UUID, segment_id: UUID, child_id: UUID
    ) -> Response:
        document = self.document(dataset_id, document_id)
        delete_chunk(document, open_child(document, segment_id, child_id).id)
        return Response(status=204)
