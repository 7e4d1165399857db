"""Owns how a table is written as Markdown."""

import re
from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its header; rows without any text are left out."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not filled:
        return ""
    width = max(map(len, filled))
    lines = [markdown_row([*row, *[""] * (width - len(row))]) for row in filled]
    return "\n".join([lines[0], markdown_rule(width), *lines[1:]])


def markdown_row(cells: Sequence[str]) -> str:
    """One row; breaks inside a cell become spaces and a bar is escaped."""
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).strip().replace("|", "\\|") for cell in cells) + " |"


def markdown_rule(columns: int) -> str:
    """The line under the header."""
    return "|" + " --- |" * max(columns, 1)
