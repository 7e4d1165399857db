"""How far documents are, and whether they are found, over the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.shapes import STATUS
from apps.datasets.api.views import DatasetView, body_of
from apps.datasets.selectors.documents import progress_of, reason_of
from apps.datasets.services.documents import set_document_enabled
from support.errors import InvalidInput


class InvalidAction(InvalidInput):
    """There is no such thing to do to documents."""

    code = "invalid_action"


class IndexingStatus(DatasetView):
    """GET /v1/datasets/<id>/documents/<batch>/indexing-status; a batch is one document here."""

    def get(self, request: Request, dataset_id: UUID, batch: UUID) -> Response:
        document = self.document(dataset_id, batch)
        progress = progress_of(document)
        chunks = progress is not None and progress.counts == "chunks"
        body: dict[str, Any] = {
            "id": str(document.id),
            "indexing_status": STATUS[document.status],
            "processing_started_at": int(document.created_at.timestamp()),
            "error": reason_of(document) or None,
            "completed_segments": progress.done if progress and chunks else document.chunk_count,
            "total_segments": progress.total if progress and chunks else document.chunk_count,
        }
        absent = ("parsing_completed_at", "cleaning_completed_at", "splitting_completed_at")
        body |= dict.fromkeys((*absent, "completed_at", "paused_at", "stopped_at"))
        if progress:
            body["progress"] = {
                "counts": progress.counts,
                "done": progress.done,
                "total": progress.total,
                "seconds_left": progress.seconds_left,
                "waiting": progress.waiting or None,
            }
        return Response({"data": [body]})


class DocumentStatus(DatasetView):
    """PATCH /v1/datasets/<id>/documents/status/<action>."""

    def patch(self, request: Request, dataset_id: UUID, action: str) -> Response:
        if action not in ("enable", "disable"):
            raise InvalidAction("Documents can be enabled and disabled; there is no archive.", path="/action")
        ids = body_of(request).get("document_ids")
        if not isinstance(ids, list) or not 0 < len(ids) <= 1_000:
            raise InvalidInput("document_ids must be a list of 1 to 1,000 ids.", path="/document_ids")
        for document in [self.document(dataset_id, each) for each in ids]:
            set_document_enabled(document, enabled=action == "enable")
        return Response({"result": "success"})
