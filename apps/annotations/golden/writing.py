"""Items as files that can be read in again: one JSON object a line, or CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol
from uuid import UUID

COLUMNS = (
    *("number", "question", "expected", "expected_json", "inputs", "tags", "metadata"),
    *("message_id", "trace_id", "correction_id"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class Stored(Protocol):
    """What is read of an item."""

    number: int
    question: str
    inputs: Any
    expected: Any
    metadata: Any
    tags: list[str]
    source_message_id: UUID | None
    source_trace_id: UUID | None
    correction_id: UUID | None


def json_lines(items: Iterable[Stored]) -> Iterator[bytes]:
    """One object a line, with what an item has."""
    for item in items:
        line = {
            "number": item.number,
            "question": item.question,
            "inputs": item.inputs,
            "expected": item.expected,
            "metadata": item.metadata,
            "tags": item.tags,
            "message_id": _id(item.source_message_id) or None,
            "trace_id": _id(item.source_trace_id) or None,
            "correction_id": _id(item.correction_id) or None,
        }
        kept = {name: value for name, value in line.items() if value not in (None, "", [], {}) or name == "question"}
        yield json.dumps(kept, ensure_ascii=False).encode() + b"\n"


def csv_lines(items: Iterable[Stored]) -> Iterator[bytes]:
    """For spreadsheets: the mark of UTF-8 first, and an apostrophe before what would be calculated."""
    yield csv_head()
    yield from csv_rows(items)


def csv_head() -> bytes:
    """What stands before the first item."""
    return b"\xef\xbb\xbf" + _row(COLUMNS)


def csv_rows(items: Iterable[Stored]) -> Iterator[bytes]:
    """The items alone, for files that are written page by page."""
    for item in items:
        is_text = isinstance(item.expected, str)
        yield _row(
            (
                str(item.number),
                item.question,
                item.expected if is_text else "",
                "" if is_text or item.expected is None else _json(item.expected),
                _json(item.inputs) if item.inputs else "",
                "; ".join(item.tags),
                _json(item.metadata) if item.metadata else "",
                _id(item.source_message_id),
                _id(item.source_trace_id),
                _id(item.correction_id),
            )
        )


def _row(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([guarded(cell) for cell in cells])
    return text.getvalue().encode()


def guarded(cell: str) -> str:
    """A cell that no spreadsheet calculates."""
    return f"'{cell}" if cell.lstrip(" \n").startswith(_FORMULA) else cell


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _id(value: UUID | None) -> str:
    return str(value) if value else ""
