"""Reads the tree that the article finder gives, without the escapes of its Markdown, which hide identifiers."""

import re
from collections.abc import Iterator

from lxml import etree

from apps.datasets.text.extract.outline import Block
from apps.datasets.text.extract.tables import markdown_table

_HEADING = re.compile(r"h([1-6])")


def article_blocks(parent: etree._Element) -> Iterator[Block]:
    """The blocks of an article in reading order."""
    for child in parent:
        if child.tag == "head":
            level = _HEADING.search(child.get("rend", "h2"))
            yield int(level[1]) if level else 2, _inline(child)
        elif child.tag == "list":
            yield 0, "\n".join(_items(child))
        elif child.tag == "table":
            rows = [[_inline(cell) for cell in row.iter("cell")] for row in child.iter("row")]
            yield 0, markdown_table(rows)
        elif child.tag == "code":
            yield 0, "".join(child.itertext()).strip("\n")
        elif child.tag in ("p", "quote", "ab", "item") or not len(child):
            yield 0, _inline(child)
        else:
            yield from article_blocks(child)
        if child.tail and child.tail.strip():
            yield 0, _words(child.tail)


def _items(parent: etree._Element, depth: int = 0) -> Iterator[str]:
    for item in parent.iterchildren("item"):
        own = re.sub(r"\s+", " ", _inline(item, but="list"))
        if own:
            yield f"{'  ' * depth}- {own}"
        for nested in item.iterchildren("list"):
            yield from _items(nested, depth + 1)


def _inline(element: etree._Element, *, but: str = "") -> str:
    """The words inside an element, a line break where the page has one."""
    parts = [_words(element.text or "")]
    for child in element:
        if child.tag == "lb":
            parts.append("\n")
        elif child.tag != but:
            block = child.tag in ("p", "quote", "list", "item", "table", "row", "cell")
            parts.append(f"\n{_inline(child, but=but)}\n" if block else _inline(child, but=but))
        parts.append(_words(child.tail or ""))
    return re.sub(r" *\n\s*", "\n", "".join(parts))


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text)
