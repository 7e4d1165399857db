"""Owns `Section`, what reading yields, and the meaning of "the text of a page" that citations count in.

A page is a run of consecutive sections with the same page number; a format without pages is one page
numbered None. The text of a page is its non-empty sections, cleaned, joined by `JOIN`. Every character
offset in a citation counts in that text, never in the file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

JOIN = "\n\n"
MAX_SECTION_CHARS = 64_000
_CUTS = ("\n\n", "\n", "。", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A stretch of text under one heading on one page."""

    text: str
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    unreadable: bool = False
    """True for a page whose text was left out because it is a picture or garbled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The text that the offsets of a page's chunks count in."""

    number: int | None
    text: str


def page_texts(sections: Iterable[Section]) -> Iterator[Page]:
    """Put cleaned sections together to the pages that citations refer to."""
    for number, group in groupby(sections, key=lambda section: section.page):
        yield Page(number=number, text=JOIN.join(section.text for section in group if section.text))


def bounded(section: Section, *, limit: int = MAX_SECTION_CHARS) -> Iterator[Section]:
    """Cut a section longer than `limit` at a paragraph, line or word end: messages stay small."""
    text, start = section.text, 0
    while len(text) - start > limit:
        middle = start + limit // 2
        ends = (text.rfind(mark, middle, start + limit) + len(mark) for mark in _CUTS)
        end = next((end for end in ends if end > middle), start + limit)
        yield replace(section, text=text[start:end])
        start = end
    yield replace(section, text=text[start:]) if start else section
