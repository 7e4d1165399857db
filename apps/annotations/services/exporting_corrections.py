"""Corrections as a file, page by page: both texts, who wrote and who approved, and the ids that lead back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from apps.annotations.models import Correction
from apps.traces.services.export_text import head_of, lines_of
from support.database import in_thread
from support.errors import InvalidInput

PAGE: Final = 500
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_COLUMNS: Final = (
    *("question", "original", "corrected", "status", "app", "author", "approved_by", "approved_at"),
    *("words_added", "words_removed", "created_at", "updated_at", "id", "message_id", "trace_id"),
)


def corrections_file(rows: QuerySet[Any], *, format: str) -> StreamingHttpResponse:
    """These corrections as a download that is made while it is sent, newest first. Raises InvalidInput."""
    if format not in FORMATS:
        raise InvalidInput("The format must be one of: csv, jsonl.", field="format")
    response = StreamingHttpResponse(_pieces(rows, format=format), content_type=FORMATS[format])
    response["Content-Disposition"] = f'attachment; filename="corrections-{timezone.now():%Y-%m-%d}.{format}"'
    return response


async def _pieces(rows: QuerySet[Any], *, format: str) -> AsyncIterator[bytes]:
    yield head_of(_COLUMNS, format=format)
    last: Any = None
    while page := await in_thread(_page, rows, last):
        yield lines_of([_line(row) for row in page], _COLUMNS, format=format)
        last = page[-1].id


def _page(rows: QuerySet[Any], last: Any) -> list[Correction]:
    found = rows.order_by("-id").select_related("application", "author", "approved_by")
    return list((found if last is None else found.filter(id__lt=last))[:PAGE])


def _line(row: Correction) -> dict[str, Any]:
    author: Any = row.author
    approver: Any = row.approved_by
    return {
        "question": row.question,
        "original": row.original,
        "corrected": row.corrected,
        "status": row.status,
        "app": row.application.name,
        "author": author.get_username() if author else None,
        "approved_by": approver.get_username() if approver else None,
        "approved_at": row.approved_at,
        "words_added": row.diff_stats.get("added", 0),
        "words_removed": row.diff_stats.get("removed", 0),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "id": row.id,
        "message_id": row.message_id,
        "trace_id": row.trace_id,
    }
