"""Reads plain text in any common encoding, block by block."""

from collections.abc import Iterator
from pathlib import Path

from apps.datasets.text.extract.charset import detect_encoding
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

BLOCK_CHARS = 32_000


def page_count(path: Path) -> int | None:
    """Plain text has no pages."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield blocks that end at a paragraph or line where there is one."""
    rest = ""
    with path.open(encoding=detect_encoding(path), errors="replace") as file:
        while block := file.read(BLOCK_CHARS):
            rest += block
            cut = _last_break(rest)
            if rest[:cut].strip():
                yield Section(text=rest[:cut])
            rest = rest[cut:]
    if rest.strip():
        yield Section(text=rest)


def _last_break(text: str) -> int:
    """Where to cut: after the last paragraph, else the last line, else (a very long line) at the end."""
    for mark in ("\n\n", "\n"):
        found = text.rfind(mark)
        if found > 0:
            return found + len(mark)
    return len(text) if len(text) > 2 * BLOCK_CHARS else 0
