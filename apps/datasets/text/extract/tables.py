"""Owns how a table row is written as Markdown."""

import re
from collections.abc import Sequence


def markdown_row(cells: Sequence[str]) -> str:
    """One row; breaks inside a cell become spaces and a bar is escaped."""
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).strip().replace("|", "\\|") for cell in cells) + " |"


def markdown_rule(columns: int) -> str:
    """The line under the header."""
    return "|" + " --- |" * max(columns, 1)
