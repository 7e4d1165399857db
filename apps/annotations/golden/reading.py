"""Files of items as people bring them: CSV from a spreadsheet, or one JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.annotations.golden.item import BadItem, NewItem, checked

MOST_LINES = 20_000
MOST_BYTES = 20_000_000
#: Faults that are kept with their line; beyond that they are counted.
MOST_FAULTS = 100

#: What columns and keys are called here, and what other tools call them.
NAMES = {
    "question": ("question", "query", "input", "prompt"),
    "inputs": ("inputs",),
    "expected": ("expected", "expected_output", "expected_answer", "answer", "output", "reference", "ideal"),
    "expected_json": ("expected_json",),
    "metadata": ("metadata", "notes"),
    "tags": ("tags", "tag", "labels"),
}
#: Of our own files, and nothing to take in.
_OURS = frozenset({"number", "message_id", "trace_id", "correction_id", "set", "version"})
_PART = {other: name for name, others in NAMES.items() for other in others}
#: A column `inputs.month` is the input "month".
_INPUT = "inputs."
#: What writers of CSV put before what a spreadsheet would calculate.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class BadFile(Exception):
    """A file that cannot be read at all: `not_text`, `empty`, `no_columns`, `too_large` or `too_many`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFault:
    """A line that cannot be taken in."""

    line: int
    part: str
    fault: str


@dataclass(slots=True, kw_only=True)
class Reading:
    """What a file holds."""

    items: list[NewItem] = field(default_factory=list)
    faults: list[LineFault] = field(default_factory=list)
    #: How many lines cannot be taken in, those beyond the faults that are kept counted too.
    bad_lines: int = 0
    #: Columns that are kept as notes, because nothing here is called so.
    kept_as_notes: tuple[str, ...] = ()


def read_items(data: bytes, *, is_csv: bool) -> Reading:
    """The items of a file, and each line that is wrong. Raises BadFile."""
    if len(data) > MOST_BYTES:
        raise BadFile("too_large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise BadFile("not_text") from exc
    reading, notes = Reading(), set[str]()
    count = 0
    for line, row in _csv_rows(text) if is_csv else _json_rows(text):
        count += 1
        if count > MOST_LINES:
            raise BadFile("too_many")
        try:
            if isinstance(row, BadItem):
                raise row
            item, others = _item(row, is_csv=is_csv)
            reading.items.append(checked(item))
            notes |= others
        except BadItem as exc:
            reading.bad_lines += 1
            if len(reading.faults) < MOST_FAULTS:
                reading.faults.append(LineFault(line=line, part=exc.part, fault=exc.fault))
    if not count:
        raise BadFile("empty")
    reading.kept_as_notes = tuple(sorted(notes))
    return reading


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any] | BadItem]]:
    csv.field_size_limit(MOST_BYTES)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    columns = [name.strip() for name in next(rows, [])]
    if not any(_PART.get(name.lower()) in ("question", "inputs") or name.startswith(_INPUT) for name in columns):
        raise BadFile("no_columns")
    before = rows.line_num
    for cells in rows:
        line, before = before + 1, rows.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            yield line, BadItem("line", "too_many_cells")
            continue
        yield line, {name: _unguarded(cell) for name, cell in zip(columns, cells, strict=False) if name}


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any] | BadItem]]:
    for line, words in enumerate(text.split("\n"), start=1):
        if not words.strip():
            continue
        try:
            row = json.loads(words)
        except (ValueError, RecursionError):
            yield line, BadItem("line", "not_json")
            continue
        yield line, row if isinstance(row, dict) else BadItem("line", "not_an_object")


def _item(row: Mapping[str, Any], *, is_csv: bool) -> tuple[NewItem, set[str]]:
    """The item of a row, and the names that became notes."""
    parts: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    notes: dict[str, Any] = {}
    for name, value in row.items():
        part = _PART.get(name.strip().lower())
        if part is not None and part not in parts:
            parts[part] = value
        elif name.startswith(_INPUT) and len(name) > len(_INPUT):
            if value != "":
                inputs[name.removeprefix(_INPUT)] = value
        elif name.strip().lower() not in _OURS and value not in ("", None):
            notes[name] = value
    if is_csv:
        parts |= {name: _cell(name, parts[name]) for name in ("inputs", "metadata", "expected_json") if name in parts}
    question = parts.get("question") or ""
    if not isinstance(question, str):
        raise BadItem("question", "not_text")
    given = parts.get("inputs") or {}
    told = parts.get("metadata") or {}
    if not isinstance(given, dict) or not isinstance(told, dict):
        raise BadItem("inputs" if not isinstance(given, dict) else "metadata", "not_an_object")
    expected = parts.get("expected")
    return (
        NewItem(
            question=question,
            inputs={**given, **inputs},
            expected=parts.get("expected_json") if expected in (None, "") else expected,
            metadata={**notes, **told},
            tags=_tags(parts.get("tags")),
        ),
        set(notes),
    )


def _tags(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        return tuple(value.replace(",", ";").split(";"))
    if value is not None and not isinstance(value, list):
        raise BadItem("tags", "bad_tags")
    return tuple(value or ())


def _cell(name: str, text: str) -> Any:
    """A cell that holds JSON."""
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError) as exc:
        raise BadItem(name, "not_json") from exc


def _delimiter(text: str) -> str:
    """Spreadsheets of half the world write semicolons."""
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip(" \n").startswith(_FORMULA) else cell
