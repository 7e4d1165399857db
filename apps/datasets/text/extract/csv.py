"""Reads CSV and TSV: groups of rows as Markdown tables, the header repeated in every group."""

import csv
from collections.abc import Iterator
from pathlib import Path

from apps.datasets.text.errors import Damaged
from apps.datasets.text.extract.charset import detect_encoding
from apps.datasets.text.extract.tables import markdown_row, markdown_rule
from apps.datasets.text.limits import Limits
from apps.datasets.text.scripts import estimate_tokens
from apps.datasets.text.sections import Section

GROUP_CHARS = 500
GROUP_TOKENS = 250
"""A group fits in one chunk of the usual size, so that every chunk has the header."""
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
            yield from _groups(csv.reader(file, delimiter=delimiter))
        except csv.Error as exc:
            raise Damaged(kind="csv", reason=str(exc)) from exc


def _groups(rows: Iterator[list[str]]) -> Iterator[Section]:
    filled = (row for row in rows if any(cell.strip() for cell in row))
    header = next(filled, None)
    if header is None:
        return
    head = f"{markdown_row(header)}\n{markdown_rule(len(header))}"
    table, rows_held = head, 0
    for row in filled:
        grown = f"{table}\n{markdown_row(row)}"
        if rows_held and (len(grown) > GROUP_CHARS or estimate_tokens(grown) > GROUP_TOKENS):
            yield Section(text=table)
            grown, rows_held = f"{head}\n{markdown_row(row)}", 0
        table, rows_held = grown, rows_held + 1
    yield Section(text=table)


def _delimiter(sample: str) -> str:
    """The candidate that the first line holds most of; a comma when in doubt."""
    first = sample.split("\n", 1)[0]
    return max(",;\t|", key=first.count)
