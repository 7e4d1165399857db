"""Reads Word documents: paragraphs under their headings, lists, tables as Markdown rows.

The XML is walked directly because python-docx leaves out text in content controls and tracked insertions,
and because walking the cells of the XML meets a merged cell once, where a row's `cells` repeat it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

from docx import Document
from docx.document import Document as WordDocument
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from lxml import etree

from apps.datasets.text.errors import Damaged
from apps.datasets.text.extract.outline import Block, sections_of
from apps.datasets.text.extract.tables import markdown_table
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

_HEADING = re.compile(r"^(?:heading|标题|überschrift|titre|título)\s*(\d)$", re.IGNORECASE)
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED = {qn("w:del"), qn("w:moveFrom"), _FALLBACK, qn("w:rPr"), qn("w:pPr")}
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}


def page_count(path: Path) -> int | None:
    """Word decides on pages when it prints; the file has none."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per heading; heading lines are written as Markdown headings."""
    try:
        document = Document(str(path))
    except (OpcError, BadZipFile, KeyError, ValueError, etree.XMLSyntaxError) as exc:
        raise Damaged(kind="docx", reason="its parts are incomplete or broken") from exc
    yield from sections_of(_blocks(document.element.body, _heading_levels(document)))


def _heading_levels(document: WordDocument) -> dict[str, int]:
    """Heading level by style id, from the style's name or its outline level."""
    levels: dict[str, int] = {}
    for style in document.styles.element.iterchildren(qn("w:style")):
        name = style.find(qn("w:name"))
        named = _HEADING.match(name.get(qn("w:val"), "")) if name is not None else None
        outline = style.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
        key = style.get(qn("w:styleId"), "")
        if named:
            levels[key] = int(named[1])
        elif name is not None and name.get(qn("w:val"), "").lower() == "title":
            levels[key] = 1
        elif outline is not None and int(outline.get(qn("w:val"), "9")) < 9:
            levels[key] = int(outline.get(qn("w:val"))) + 1
    return levels


def _blocks(parent: etree._Element, levels: dict[str, int]) -> Iterator[Block]:
    """Heading level (0 for none) and text of everything in reading order."""
    items: list[str] = []
    for child in parent.iterchildren():
        if child.tag == qn("w:p"):
            text = _text(child).strip()
            level = _level(child, levels)
            if text and not level and _is_list_item(child):
                items.append(f"- {text}")
                continue
            if items:
                yield 0, "\n".join(items)
                items = []
            if text:
                yield level, text
            continue
        if items:
            yield 0, "\n".join(items)
            items = []
        if child.tag == qn("w:tbl"):
            table = _table(child)
            if table:
                yield 0, table
        elif child.tag not in _SKIPPED and child.tag != qn("w:sectPr"):
            yield from _blocks(child, levels)
    if items:
        yield 0, "\n".join(items)


def _level(paragraph: etree._Element, levels: dict[str, int]) -> int:
    style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    return levels.get(style.get(qn("w:val"), ""), 0) if style is not None else 0


def _is_list_item(paragraph: etree._Element) -> bool:
    if paragraph.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None:
        return True
    style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    return style is not None and style.get(qn("w:val"), "").startswith("List")


def _text(element: etree._Element) -> str:
    """The visible text of a paragraph, with tracked deletions and duplicate drawings left out."""
    parts: list[str] = []
    for child in element.iterchildren():
        if child.tag == qn("w:t"):
            parts.append(child.text or "")
        elif child.tag in _BREAKS:
            parts.append(_BREAKS[child.tag])
        elif child.tag not in _SKIPPED and isinstance(child.tag, str):
            parts.append(_text(child))
            if child.tag == qn("w:p"):
                parts.append("\n")
    return "".join(parts)


def _table(table: etree._Element) -> str:
    """Markdown rows; a merged cell's text stands once and leaves its other places empty."""
    return markdown_table([_row(row) for row in table.iter(qn("w:tr")) if _owner(row) is table])


def _owner(row: etree._Element) -> etree._Element | None:
    return next(row.iterancestors(qn("w:tbl")), None)


def _row(row: etree._Element) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(qn("w:tc")):
        if next(cell.iterancestors(qn("w:tr")), None) is not row:
            continue
        cells.append("" if _continues(cell) else _text(cell))
        span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
        cells.extend([""] * (int(span.get(qn("w:val"), "1")) - 1 if span is not None else 0))
    return cells


def _continues(cell: etree._Element) -> bool:
    """Whether the cell is the lower part of one merged downwards (its own text is what Word hides)."""
    merge = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
    return merge is not None and merge.get(qn("w:val"), "continue") == "continue"
