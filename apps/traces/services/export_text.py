"""Rows as lines of a file: CSV that no spreadsheet takes for formulas, or one JSON object a line."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

#: What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def head_of(columns: Sequence[str], *, format: str) -> bytes:
    """What stands before the first row. The mark says to spreadsheets that the text is UTF-8."""
    return b"\xef\xbb\xbf" + _csv([columns]) if format == "csv" else b""


def lines_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, format: str) -> bytes:
    """The rows as bytes of the file."""
    if format == "csv":
        return _csv([_cell(row.get(column)) for column in columns] for row in rows)
    return b"".join(
        orjson.dumps({column: row.get(column) for column in columns}, default=_plain) + b"\n" for row in rows
    )


def guarded(text: str) -> str:
    """The same text, with an apostrophe before what a spreadsheet would calculate."""
    return f"'{text}" if text.lstrip(" \n").startswith(_FORMULA) else text


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Decimal() | UUID() | dt.datetime():
            return str(_plain(value))
        case str():
            return guarded(value)
        case _:
            return guarded(orjson.dumps(value, default=_plain).decode())


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    return str(value)
