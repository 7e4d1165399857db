"""The registry of extractors, and reading one file in this process within its limits.

Readers are imported when first used: a child that reads a PDF must not pay for the HTML libraries.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from apps.datasets.text.errors import EmptyDocument, TooLarge
from apps.datasets.text.extract.kinds import Kind, detect_type
from apps.datasets.text.limits import MEGABYTE, Limits
from apps.datasets.text.sections import Section, bounded

__all__ = ["EXTRACTORS", "Extractor", "Kind", "check_size", "detect_type", "extract", "extractor_for"]


#: Kinds whose files are their text, and the most bytes that a character of it has: one too long is refused unread.
PLAIN: frozenset[Kind] = frozenset({"txt", "md"})
LONGEST_CHARACTER = 4


class Extractor(Protocol):
    """Reads one format; a module with these two functions is one."""

    def extract(self, path: Path, *, limits: Limits) -> Iterator[Section]:
        """Yield the document's sections in reading order, without holding all of them."""
        ...

    def page_count(self, path: Path) -> int | None:
        """How many pages there are, or None for a format that has none."""
        ...


EXTRACTORS: Mapping[Kind, str] = {
    "pdf": "apps.datasets.text.extract.pdf",
    "docx": "apps.datasets.text.extract.docx",
    "html": "apps.datasets.text.extract.html",
    "md": "apps.datasets.text.extract.md",
    "txt": "apps.datasets.text.extract.txt",
    "csv": "apps.datasets.text.extract.csv",
    "xlsx": "apps.datasets.text.extract.xlsx",
    "pptx": "apps.datasets.text.extract.pptx",
    "epub": "apps.datasets.text.extract.epub",
    "eml": "apps.datasets.text.extract.eml",
    "vtt": "apps.datasets.text.extract.vtt",
    "json": "apps.datasets.text.extract.json",
}


def extractor_for(kind: Kind) -> Extractor:
    """The reader of a kind."""
    return cast(Extractor, import_module(EXTRACTORS[kind]))


def check_size(path: Path, *, limits: Limits) -> None:
    """Refuse an empty file and one over the limit before anything is parsed."""
    size = path.stat().st_size
    if size == 0:
        raise EmptyDocument
    if size > limits.max_bytes:
        raise TooLarge(what="MB", limit=round(limits.max_bytes / MEGABYTE, 1))


def extract(path: Path, *, kind: Kind, limits: Limits, tables: bool = False) -> Iterator[Section]:
    """Read a file of a known kind; a document without any text or with too much of it is refused.

    With `tables` the ruled tables of a PDF follow the text of their page as Markdown.
    """
    check_size(path, limits=limits)
    if kind in PLAIN and path.stat().st_size > limits.max_chars * LONGEST_CHARACTER:
        raise TooLarge(what="characters", limit=limits.max_chars)
    chars, empty = 0, True
    for section in _sections(path, kind=kind, limits=limits, tables=tables):
        chars += len(section.text)
        if chars > limits.max_chars:
            raise TooLarge(what="characters", limit=limits.max_chars)
        empty = empty and not section.text.strip()
        yield from bounded(section)
    if empty:
        raise EmptyDocument


def _sections(path: Path, *, kind: Kind, limits: Limits, tables: bool) -> Iterator[Section]:
    sections = extractor_for(kind).extract(path, limits=limits)
    if kind == "pdf" and tables:
        from apps.datasets.text.extract.pdf_tables import with_tables

        return with_tables(path, sections)
    return sections
