"""Reads JSON and JSON lines: the records of a list one by one, as lines of "name: value"."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.datasets.text.extract import txt
from apps.datasets.text.extract.charset import read_text
from apps.datasets.text.limits import MEGABYTE, Limits
from apps.datasets.text.sections import Section

MAX_PARSED = 64 * MEGABYTE
"""A larger file, and one that is not JSON, is read as plain text: nothing of it is lost."""


def page_count(path: Path) -> int | None:
    """Data has no pages."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per record, or one for a document that is not a list."""
    records = _records(path) if path.stat().st_size <= MAX_PARSED else None
    if records is None:
        yield from txt.extract(path, limits=limits)
        return
    for record in records:
        text = "\n".join(_lines(record, ""))
        if text.strip():
            yield Section(text=text)


def _records(path: Path) -> list[Any] | None:
    source = read_text(path)
    try:
        whole = json.loads(source)
    except (ValueError, RecursionError):
        return _by_line(source)
    return whole if isinstance(whole, list) else [whole]


def _by_line(source: str) -> list[Any] | None:
    """The records of JSON lines, or None when a line is something else."""
    try:
        return [json.loads(line) for line in source.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _lines(value: Any, name: str) -> Iterator[str]:
    """What a value holds, each leaf on a line of its own under its dotted name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for number, inner in enumerate(value, start=1):
            yield from _lines(inner, f"{name}[{number}]")
    elif value is not None and value != "":
        shown = ", ".join(map(_leaf, value)) if isinstance(value, list) else _leaf(value)
        yield f"{name}: {shown}" if name else shown


def _leaf(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
