"""Owns turning a document's blocks (headings with their level, and texts) into sections with heading paths."""

import re
from collections.abc import Iterable, Iterator

from apps.datasets.text.sections import JOIN, MAX_SECTION_CHARS, Section

Block = tuple[int, str]
"""Level of a heading, or 0, and the text."""


def sections_of(blocks: Iterable[Block]) -> Iterator[Section]:
    """One section per heading, which it begins with, written as a Markdown heading."""
    path: list[tuple[int, str]] = []
    held: list[str] = []
    size = 0
    for level, text in blocks:
        if held and (level or size > MAX_SECTION_CHARS // 2):
            yield _section(held, path)
            held, size = [], 0
        if level:
            title = re.sub(r"\s+", " ", text).strip(" ¶")
            path = [(depth, name) for depth, name in path if depth < level]
            path.append((level, title))
            text = f"{'#' * min(level, 6)} {title}"
        held.append(text)
        size += len(text)
    if held:
        yield _section(held, path)


def _section(texts: list[str], path: list[tuple[int, str]]) -> Section:
    return Section(text=JOIN.join(texts), heading_path=tuple(name for _, name in path))
