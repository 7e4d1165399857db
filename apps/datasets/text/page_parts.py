"""Owns keeping the text of pages while sections pass by: in parts, so that no page, however long, is held whole.

A format without pages is one page that may have hundreds of megabytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.datasets.text.sections import JOIN, Section

PART_CHARS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePart:
    """A stretch of a page's text; `start` is where it begins in what the offsets of chunks count in."""

    number: int | None
    start: int
    text: str


class PageRecorder:
    """Lets sections through and keeps the parts of pages that are complete."""

    def __init__(self, *, size: int = PART_CHARS) -> None:
        self.unreadable: list[int] = []
        self._size = size
        self._complete: list[PagePart] = []
        self._number: int | None = None
        self._is_open = False
        self._start, self._held = 0, ""

    def through(self, sections: Iterable[Section]) -> Iterator[Section]:
        """The sections, unchanged."""
        for section in sections:
            if not self._is_open or section.page != self._number:
                self._close()
                self._number, self._is_open = section.page, True
            self._add(section.text)
            if section.unreadable and section.page is not None:
                self.unreadable.append(section.page)
            yield section
        self._close()

    def take(self) -> list[PagePart]:
        """The parts that became complete since the last call."""
        taken, self._complete = self._complete, []
        return taken

    def _add(self, text: str) -> None:
        if text:
            self._held += JOIN + text if self._start or self._held else text
        while len(self._held) > self._size:
            self._emit(self._size)

    def _close(self) -> None:
        if self._is_open:
            self._emit(len(self._held))
        self._start, self._held, self._is_open = 0, "", False

    def _emit(self, length: int) -> None:
        self._complete.append(PagePart(number=self._number, start=self._start, text=self._held[:length]))
        self._start, self._held = self._start + length, self._held[length:]
