"""Owns finding the running headers, footers and page numbers of a paged document, and leaving them out."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from apps.datasets.text.sections import Section

SAMPLE_PAGES = 40
EDGE_LINES = 3
MIN_PAGES = 3
MIN_SHARE = 0.4
"""Books print one header on left pages and another on right ones: each is on less than half of all."""

_NUMBER = re.compile(r"\d+")
_PAGE_WORD = re.compile(r"(?:\b(?:page|p\.|seite|s\.|página)|第|[-–—|/])\s*$", re.IGNORECASE)
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "”")


def without_furniture(sections: Iterable[Section]) -> Iterator[Section]:
    """Learn from the first pages which edge lines repeat, then stream; the first showing of each is kept.

    A repeated line may be a table's header, so its words must stay findable once.
    """
    stream = iter(sections)
    sample = list(islice(stream, SAMPLE_PAGES))
    repeated = repeated_lines(sample)
    seen: set[str] = set()
    for section in chain(sample, stream):
        yield _trim(section, repeated=repeated, seen=seen) if repeated else section


def repeated_lines(sections: Iterable[Section]) -> frozenset[str]:
    """The forms of lines that stand at the edge of enough pages."""
    counts: Counter[str] = Counter()
    pages = 0
    for section in sections:
        edges = _edges(section.text.split("\n"))
        pages += bool(edges)
        lines = section.text.split("\n")
        counts.update({form for index in edges for form in _forms(lines[index], section.page or 0)})
    needed = max(MIN_PAGES, pages * MIN_SHARE)
    return frozenset(form for form, count in counts.items() if count >= needed)


def _trim(section: Section, *, repeated: frozenset[str], seen: set[str]) -> Section:
    lines = section.text.split("\n")
    dropped: set[int] = set()
    for index in _edges(lines):
        known = [form for form in _forms(lines[index], section.page or 0) if form in repeated]
        if known and (not seen.isdisjoint(known) or _is_bare_number(lines[index])):
            dropped.add(index)
        seen.update(known)
    if not dropped or not any(line.strip() for index, line in enumerate(lines) if index not in dropped):
        return section  # nothing else stands on the page, so this is what it says
    return replace(section, text="\n".join(line for index, line in enumerate(lines) if index not in dropped))


def _edges(lines: list[str]) -> list[int]:
    """The places of the first and last few lines that hold something."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    if len(filled) <= 2 * EDGE_LINES:
        return filled
    return filled[:EDGE_LINES] + filled[-EDGE_LINES:]


def _forms(line: str, page: int) -> Iterator[str]:
    """The line itself, and the line with each number told relative to the page.

    So "Page 3 of 9" on page 3 equals "Page 4 of 9" on page 4, while figures of a table equal nothing.
    """
    text = " ".join(line.split())
    if not _is_bare_number(text):
        yield text
    if text.endswith(_SENTENCE_ENDS):
        return
    for match in islice(_NUMBER.finditer(text), 3):
        if len(match[0]) <= 5 and _may_count_pages(text, match):
            yield f"{text[: match.start()]}\x00{int(match[0]) - page}\x00{text[match.end() :]}"


def _may_count_pages(text: str, match: re.Match[str]) -> bool:
    """Page numbers stand at either end of their line or after a word for "page"."""
    before = text[: match.start()]
    return not before or match.end() == len(text) or _PAGE_WORD.search(before) is not None


def _is_bare_number(line: str) -> bool:
    return not any(char.isalpha() for char in line)
