"""What reviewers answered in a queue as a file: one row per answer, made while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone

from apps.annotations.models import ReviewQueue, Score
from apps.traces.services.export_text import head_of, lines_of
from support.database import in_thread
from support.errors import InvalidInput

PAGE: Final = 1_000
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
COLUMNS: Final = (
    *("item_id", "app", "message_id", "trace_id", "input", "output", "item_state"),
    *("question", "kind", "value", "role", "reviewer", "answered_at"),
)


def scores_file(queue: ReviewQueue, *, format: str, only: UUID | None = None) -> StreamingHttpResponse:
    """The answers of a queue as a download; of one person if `only` names them. Raises InvalidInput."""
    if format not in FORMATS:
        raise InvalidInput("The format must be one of: csv, jsonl.", field="format")
    response = StreamingHttpResponse(_pieces(queue.id, only, format=format), content_type=FORMATS[format])
    response["Content-Disposition"] = f'attachment; filename="scores-{timezone.now():%Y-%m-%d}.{format}"'
    return response


async def _pieces(queue_id: UUID, only: UUID | None, *, format: str) -> AsyncIterator[bytes]:
    yield head_of(COLUMNS, format=format)
    last: UUID | None = None
    while page := await in_thread(_page, queue_id, only, last):
        yield lines_of([_line(row) for row in page], COLUMNS, format=format)
        last = page[-1].id


def _page(queue_id: UUID, only: UUID | None, last: UUID | None) -> list[Score]:
    rows = Score.objects.filter(item__queue_id=queue_id, assignment__state="submitted").order_by("id")
    if only is not None:
        rows = rows.filter(author_id=only)
    if last is not None:
        rows = rows.filter(id__gt=last)
    return list(rows.select_related("item", "config", "assignment", "author")[:PAGE])


def _line(row: Score) -> dict[str, Any]:
    item = row.item
    return {
        "item_id": item.id,
        "app": item.application_name,
        "message_id": item.subject_id if item.subject_kind == "message" else None,
        "trace_id": item.trace_id,
        "input": item.question,
        "output": item.answer,
        "item_state": item.status,
        "question": row.config.name,
        "kind": row.config.kind,
        "value": row.value(row.config.kind),
        "role": row.assignment.role,
        "reviewer": row.author.get_username() if row.author else "",
        "answered_at": row.assignment.submitted_at,
    }
