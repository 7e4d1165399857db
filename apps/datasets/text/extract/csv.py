"""Reads CSV and TSV: groups of rows as Markdown tables, the header repeated in every group."""

import csv
from collections.abc import Iterator
from pathlib import Path

from apps.datasets.text.errors import Damaged
from apps.datasets.text.extract.charset import detect_encoding
from apps.datasets.text.extract.rows import row_groups
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

_SNIFF_CHARS = 8_192


def page_count(path: Path) -> int | None:
    """A table has no pages."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per group of rows; a cell may hold line breaks."""
    with path.open(encoding=detect_encoding(path), errors="replace", newline="") as file:
        delimiter = _delimiter(file.read(_SNIFF_CHARS))
        file.seek(0)
        try:
            yield from row_groups(csv.reader(file, delimiter=delimiter))
        except csv.Error as exc:
            raise Damaged(kind="csv", reason=str(exc)) from exc


def _delimiter(sample: str) -> str:
    """The candidate that the first line holds most of; a comma when in doubt."""
    first = sample.split("\n", 1)[0]
    return max(",;\t|", key=first.count)
