"""Reads Markdown: the exact source text, cut at its headings, each part with its path of headings."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from apps.datasets.text.extract.charset import read_text
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
# Links and emphasis are parsed only to get a heading's plain words; the text itself stays as written.
_PARSER = MarkdownIt("commonmark").enable("table")


def page_count(path: Path) -> int | None:
    """Markdown has no pages."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield one section per heading, the heading line included."""
    yield from split_headings(read_text(path))


def split_headings(source: str) -> Iterator[Section]:
    """Cut Markdown source at its headings; the texts put together again are the source."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT_MATTER.match(source)
    body_start = front.end() if front else 0
    starts = _line_starts(source, body_start)
    path: list[tuple[int, str]] = []
    begin = 0
    for level, line, title in _headings(source[body_start:]):
        end = starts[line]
        if source[begin:end].strip():
            yield Section(text=source[begin:end], heading_path=tuple(name for _, name in path))
            begin = end
        path = [(depth, name) for depth, name in path if depth < level]
        path.append((level, title))
    if source[begin:].strip():
        yield Section(text=source[begin:], heading_path=tuple(name for _, name in path))


def _headings(body: str) -> Iterator[tuple[int, int, str]]:
    """Level, first line and plain title of every top-level heading (none of those quoted or in lists)."""
    tokens = _PARSER.parse(body)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.level == 0 and opening.map:
            yield int(opening.tag[1:]), opening.map[0], _plain(inline)


def _plain(inline: Token) -> str:
    words = (child.content if child.content else " " for child in inline.children or ())
    return re.sub(r"\s+", " ", "".join(words)).strip()


def _line_starts(source: str, start: int) -> list[int]:
    starts = [start]
    starts.extend(match.end() for match in re.finditer("\n", source[start:]))
    return [starts[0], *(start + offset for offset in starts[1:])]
