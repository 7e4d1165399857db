"""Annotations and examples as a file, page by page, however many there are; an import takes it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from apps.annotations.models import Annotation
from apps.traces.services.export_text import head_of, lines_of
from support.database import in_thread
from support.errors import InvalidInput

PAGE: Final = 1_000
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_COLUMNS: Final = ("question", "answer", "enabled", "created_at", "updated_at", "id", "correction_id", "message_id")
_OF_ANNOTATIONS: Final = ("hits", "last_hit_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """Which answers; what is None does not matter."""

    keyword: str = ""
    enabled: bool | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    least_hits: int = 0

    def of(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that fit."""
        if self.keyword:
            rows = rows.filter(Q(question__icontains=self.keyword) | Q(answer__icontains=self.keyword))
        if self.enabled is not None:
            rows = rows.filter(is_enabled=self.enabled)
        if self.since:
            rows = rows.filter(created_at__gte=self.since)
        if self.until:
            rows = rows.filter(created_at__lt=self.until)
        if self.least_hits and rows.model is Annotation:
            rows = rows.filter(hit_count__gte=self.least_hits)
        return rows


def answers_file(rows: QuerySet[Any], *, format: str, name: str) -> StreamingHttpResponse:
    """The rows (of one model) as a download that is made while it is sent, newest first. Raises InvalidInput."""
    if format not in FORMATS:
        raise InvalidInput("as must be one of: csv, jsonl.", path="/as")
    response = StreamingHttpResponse(_pieces(rows, format=format), content_type=FORMATS[format])
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.{format}"'
    return response


async def _pieces(rows: QuerySet[Any], *, format: str) -> AsyncIterator[bytes]:
    columns = _COLUMNS + (_OF_ANNOTATIONS if rows.model is Annotation else ())
    yield head_of(columns, format=format)
    last: Any = None
    while page := await in_thread(_page, rows, last):
        yield lines_of(page, columns, format=format)
        last = page[-1]["id"]


def _page(rows: QuerySet[Any], last: Any) -> list[dict[str, Any]]:
    found = rows.order_by("-id").defer("embedding", "second_embedding").select_related("correction")
    return [_line(row) for row in (found if last is None else found.filter(id__lt=last))[:PAGE]]


def _line(row: Any) -> dict[str, Any]:
    line = {name: getattr(row, name) for name in ("question", "answer", "created_at", "updated_at", "id")}
    line |= {"enabled": row.is_enabled, "correction_id": row.correction_id}
    line["message_id"] = row.correction.message_id if row.correction else None
    if isinstance(row, Annotation):
        line |= {"hits": row.hit_count, "last_hit_at": row.last_hit_at}
    return line
