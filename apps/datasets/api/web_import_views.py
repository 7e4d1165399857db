"""Imports from the web over the API: begin one, follow it, look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.views import DatasetView, body_of, text_in
from apps.datasets.models import WebImport, WebPage
from apps.datasets.selectors.web_imports import ImportProgress, imports_of, open_import, pages_of_import
from apps.datasets.services.importing import MAX_PAGES, retry_import, start_import, stop_import, sync_import
from support.errors import InvalidInput, NotFound

PAGES = 1_000
ACTIONS: Mapping[str, Callable[[WebImport], object]] = {
    "sync": sync_import,
    "retry": retry_import,
    "stop": stop_import,
}


class WebImports(DatasetView):
    """GET and POST /v1/datasets/<id>/web-imports."""

    def get(self, request: Request, dataset_id: UUID) -> Response:
        return Response({"data": [_body(each) for each in imports_of(self.dataset(dataset_id))]})

    def post(self, request: Request, dataset_id: UUID) -> Response:
        dataset, body = self.dataset(dataset_id), body_of(request)
        most = body.get("max_pages", 100)
        if not isinstance(most, int) or isinstance(most, bool):
            raise InvalidInput(f"max_pages must be a number from 1 to {MAX_PAGES}.", path="/max_pages")
        made = start_import(
            dataset,
            urls=_texts(body, "urls"),
            sitemap=text_in(body, "sitemap", most=1_500),
            include=_texts(body, "include"),
            exclude=_texts(body, "exclude"),
            max_pages=most,
        )
        return Response(_body(open_import(made.id, dataset=dataset)), status=201)


class WebImportDetail(DatasetView):
    """GET /v1/datasets/<id>/web-imports/<id>, with its first thousand pages."""

    def get(self, request: Request, dataset_id: UUID, import_id: UUID) -> Response:
        progress = open_import(import_id, dataset=self.dataset(dataset_id))
        pages = pages_of_import(progress.row, state=request.query_params.get("state", ""))[:PAGES]
        return Response({**_body(progress), "pages": [_page(each) for each in pages]})


class WebImportAction(DatasetView):
    """POST /v1/datasets/<id>/web-imports/<id>/<sync, retry or stop>."""

    def post(self, request: Request, dataset_id: UUID, import_id: UUID, action: str) -> Response:
        if action not in ACTIONS:
            raise NotFound(f"There is no {action!r}. Known are: {', '.join(ACTIONS)}.")
        dataset = self.dataset(dataset_id)
        ACTIONS[action](open_import(import_id, dataset=dataset).row)
        return Response(_body(open_import(import_id, dataset=dataset)))


def _texts(body: dict[str, Any], name: str) -> list[str]:
    given = body.get(name) or []
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise InvalidInput(f"{name} must be a list of texts.", path=f"/{name}")
    return given


def _body(progress: ImportProgress) -> dict[str, Any]:
    row = progress.row
    return {
        "id": str(row.id),
        "state": row.state,
        "urls": row.urls,
        "sitemap": row.sitemap,
        "include": row.include,
        "exclude": row.exclude,
        "max_pages": row.max_pages,
        "total": progress.total,
        "done": progress.done,
        "counts": dict(progress.counts),
        "notes": row.notes,
        "created_at": int(row.created_at.timestamp()),
        "finished_at": int(row.finished_at.timestamp()) if row.finished_at else None,
    }


def _page(page: WebPage) -> dict[str, Any]:
    return {
        "url": page.url,
        "state": page.state,
        "document_id": str(page.document_id) if page.document_id else None,
        "error": page.error,
        "checked_at": int(page.checked_at.timestamp()) if page.checked_at else None,
    }
