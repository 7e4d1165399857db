"""Documents over the API: made of texts and files, followed while they are indexed, changed and deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.process_rule import read_process_rule, written_process_rules
from apps.datasets.api.shapes import document_body, metadata_body, with_hits
from apps.datasets.api.views import DatasetView, body_of, paged, text_in
from apps.datasets.models import Dataset, Document
from apps.datasets.selectors.documents import documents_of, open_document, reason_of
from apps.datasets.services.documents import (
    add_document,
    change_document_settings,
    delete_document,
    rename_document,
    retry_document,
)
from support.errors import InvalidInput, TooLarge

MAX_TEXT = 5_000_000
#: Words for the states that a list can be kept to -> ours.
FILTERS: dict[str, dict[str, Any]] = {
    "queuing": {"status": "uploaded"},
    "indexing": {"status__in": ("extracting", "chunking", "embedding")},
    "paused": {"status": "paused"},
    "error": {"status__in": ("error", "cancelled")},
    "available": {"status": "ready", "is_enabled": True},
    "disabled": {"status": "ready", "is_enabled": False},
    "archived": {"id": None},
}


class NoFile(InvalidInput):
    """The form has no file."""

    code = "no_file_uploaded"


class TooManyFiles(InvalidInput):
    """The form has several files."""

    code = "too_many_files"


class Documents(DatasetView):
    """GET /v1/datasets/<id>/documents."""

    def get(self, request: Request, dataset_id: UUID) -> Response:
        keyword = request.query_params.get("keyword", "").replace("\x00", "").strip()
        found = documents_of(self.dataset(dataset_id), search=keyword).select_related("created_by")
        if status := request.query_params.get("status", ""):
            if status not in FILTERS:
                raise InvalidInput(f"status must be one of {', '.join(FILTERS)}.", path="/status")
            found = found.filter(**FILTERS[status])
        return paged(request, with_hits(found), document_body)


class CreateByText(DatasetView):
    """POST /v1/datasets/<id>/document/create-by-text."""

    def post(self, request: Request, dataset_id: UUID) -> Response:
        dataset, body = self.dataset(dataset_id), body_of(request)
        text = text_in(body, "text", most=MAX_TEXT, required=True)
        name = text_in(body, "name", most=500, required=True)
        return _added(dataset, name=_text_name(name), content=text.encode(), body=body)


class CreateByFile(DatasetView):
    """POST /v1/datasets/<id>/document/create-by-file: a form with `file` and, as JSON, `data`."""

    parser_classes = [MultiPartParser]

    def post(self, request: Request, dataset_id: UUID) -> Response:
        upload, data = _upload(request), _data(request)
        name = text_in(data, "name", most=500) or upload.name
        return _added(self.dataset(dataset_id), name=name, content=upload.chunks(), body=data)


class UpdateByText(DatasetView):
    """POST /v1/datasets/<id>/documents/<id>/update-by-text: another text, another name, or both."""

    def post(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        document, body = self.document(dataset_id, document_id), body_of(request)
        if name := text_in(body, "name", most=500):
            rename_document(document, name=_text_name(name))
            document.refresh_from_db()
        if body.get("text") is None:
            return _recut(document, body)
        text = text_in(body, "text", most=MAX_TEXT, required=True)
        return _replaced(document, content=text.encode(), body=body)


class UpdateByFile(DatasetView):
    """POST /v1/datasets/<id>/documents/<id>/update-by-file, and PATCH of the document itself."""

    parser_classes = [MultiPartParser]

    def post(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        document, data = self.document(dataset_id, document_id), _data(request)
        if name := text_in(data, "name", most=500):
            rename_document(document, name=name)
            document.refresh_from_db()
        if not request.FILES:
            return _recut(document, data)
        return _replaced(document, content=_upload(request).chunks(), body=data)


class DocumentDetail(DatasetView):
    """GET, PATCH and DELETE /v1/datasets/<id>/documents/<id>."""

    parser_classes = [MultiPartParser]

    def get(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        wanted = request.query_params.get("metadata", "all")
        if wanted not in ("all", "only", "without"):
            raise InvalidInput("metadata must be all, only or without.", path="/metadata")
        document = self.document(dataset_id, document_id)
        if wanted == "only":
            return Response({"id": str(document.id), "doc_type": None, "doc_metadata": metadata_body(document)})
        body = document_body(document) | written_process_rules(document)
        if wanted == "without":
            del body["doc_metadata"]
        return Response(body)

    def patch(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        return UpdateByFile.post(self, request, dataset_id, document_id)  # type: ignore[arg-type]

    def delete(self, request: Request, dataset_id: UUID, document_id: UUID) -> Response:
        delete_document(self.document(dataset_id, document_id))
        return Response(status=204)


def _added(dataset: Dataset, *, name: str, content: Any, body: dict[str, Any]) -> Response:
    pieces = [content] if isinstance(content, bytes) else content
    own = read_process_rule(body, dataset)
    added = add_document(dataset=dataset, name=name, content=pieces, own_settings=own)
    if added.outcome == "refused":
        raise TooLarge(reason_of(added.document))
    if added.outcome == "unchanged":
        return _recut(added.document, body)
    return _answer(added.document)


def _replaced(document: Document, *, content: Any, body: dict[str, Any]) -> Response:
    """Other content of a document becomes its next version; the same content is only cut anew, where that is asked."""
    pieces = [content] if isinstance(content, bytes) else content
    own = read_process_rule(body, document.dataset)
    added = add_document(
        dataset=document.dataset, name=document.name, content=pieces, replaces=document.id, own_settings=own
    )
    if added.outcome == "refused":
        raise TooLarge(reason_of(added.document))
    if added.outcome == "unchanged" and added.document.id == document.id:
        return _recut(document, body)
    return _answer(added.document)


def _recut(document: Document, body: dict[str, Any]) -> Response:
    """Index the same content by other rules, if there are any in the request."""
    own = read_process_rule(body, document.dataset)
    if own is not None and own != document.settings:
        change_document_settings(document, own)
        retry_document(document)
    return _answer(document)


def _answer(document: Document) -> Response:
    found = open_document(document.id, team_id=document.team_id)
    return Response({"document": document_body(found), "batch": str(found.id)})


def _upload(request: Request) -> Any:
    uploads = request.FILES.getlist("file")
    if not uploads:
        raise NoFile("Send the file as the form field `file`.", path="/file")
    if len(uploads) > 1 or len(request.FILES) > 1:
        raise TooManyFiles("Send one file at a time.", path="/file")
    return uploads[0]


def _data(request: Request) -> dict[str, Any]:
    """What the form's `data` says beside the file. Raises InvalidInput."""
    written = request.data.get("data") if hasattr(request.data, "get") else None
    if not written:
        return {}
    try:
        data = orjson.loads(written)
    except (orjson.JSONDecodeError, TypeError) as exc:
        raise InvalidInput("data must be a JSON object.", path="/data") from exc
    if not isinstance(data, dict):
        raise InvalidInput("data must be a JSON object.", path="/data")
    return data


def _text_name(name: str) -> str:
    """A text is read as plain text unless its name says that it is something else we can read as text."""
    return name if name.lower().endswith((".txt", ".md", ".markdown", ".html", ".csv")) else f"{name}.txt"
