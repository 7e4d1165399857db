"""Finds the ruled tables of PDF pages with pdfplumber and adds them to the text of their page.

The plain text stays as it is, for glyph spacing can defeat the table finder; pdfplumber's own text would mix columns.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pdfplumber

from apps.datasets.text.extract.tables import markdown_table
from apps.datasets.text.sections import JOIN, Section

MIN_ROWS, MIN_COLUMNS = 2, 2
MIN_RULES = 4
"""Fewer lines and boxes than this draw no table."""


def with_tables(path: Path, sections: Iterable[Section]) -> Iterator[Section]:
    """The sections of a PDF (one per page, in order), each with the tables of its page after its text."""
    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    with pdfplumber.open(path) as document:
        for section in sections:
            found = [] if section.page is None or section.unreadable else _tables(document.pages[section.page - 1])
            yield replace(section, text=JOIN.join([section.text, *found])) if found else section


def _tables(page: pdfplumber.page.Page) -> list[str]:
    try:
        if len(page.rects) + len(page.lines) + len(page.curves) < MIN_RULES:
            return []
        tables = ([[cell or "" for cell in row] for row in table] for table in page.extract_tables())
        return [markdown_table(rows) for rows in tables if len(rows) >= MIN_ROWS and len(rows[0]) >= MIN_COLUMNS]
    finally:
        page.close()
