"""The items of a version of a golden set as a file, page by page; an import takes it back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from django.http import StreamingHttpResponse

from apps.annotations.golden.writing import csv_head, csv_rows, json_lines
from apps.annotations.models import GoldenItem, GoldenSet
from apps.annotations.selectors.golden import items_of
from support.database import in_thread
from support.errors import InvalidInput

PAGE: Final = 500
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


def golden_file(golden_set: GoldenSet, version: int, *, format: str) -> StreamingHttpResponse:
    """A version as a download that is made while it is sent, by number. Raises InvalidInput."""
    if format not in FORMATS:
        raise InvalidInput("The format must be one of: csv, jsonl.", field="format")
    response = StreamingHttpResponse(_pieces(golden_set, version, format=format), content_type=FORMATS[format])
    name = re.sub(r"[^a-z0-9]+", "-", golden_set.name.lower()).strip("-") or "golden-set"
    response["Content-Disposition"] = f'attachment; filename="{name}-v{version}.{format}"'
    return response


async def _pieces(golden_set: GoldenSet, version: int, *, format: str) -> AsyncIterator[bytes]:
    if format == "csv":
        yield csv_head()
    after = 0
    while rows := await in_thread(_page, golden_set, version, after):
        yield b"".join(csv_rows(rows) if format == "csv" else json_lines(rows))
        after = rows[-1].number


def _page(golden_set: GoldenSet, version: int, after: int) -> list[GoldenItem]:
    return list(items_of(golden_set, version).filter(number__gt=after)[:PAGE])
