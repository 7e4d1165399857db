"""Owns finding again, in a passage, the words that a search matched: stems and pairs of characters, as they stand."""

import re
from collections.abc import Collection, Iterator

from apps.datasets.text.analyze import analyze
from apps.datasets.text.scripts import UNSPACED

_PIECE = re.compile(rf"(?P<unspaced>[{UNSPACED}]+)|(?P<word>[^\W_{UNSPACED}]+(?:['._/:@\-]+[^\W_{UNSPACED}]+)*)")


def highlighted(text: str, terms: Collection[str]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is what was searched for. Together they are the text."""
    wanted = frozenset(terms)
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in _joined(_matches(text, wanted)):
        if start > at:
            pieces.append((text[at:start], False))
        pieces.append((text[start:end], True))
        at = end
    if at < len(text):
        pieces.append((text[at:], False))
    return pieces


def _matches(text: str, wanted: frozenset[str]) -> Iterator[tuple[int, int]]:
    for match in _PIECE.finditer(text):
        if match.lastgroup == "word":
            if not wanted.isdisjoint(analyze(match[0])):
                yield match.span()
            continue
        for at in range(match.start(), match.end()):
            if text[at : at + 2] in wanted and at + 2 <= match.end():
                yield at, at + 2
            elif text[at] in wanted:
                yield at, at + 1


def _joined(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order, those that touch as one."""
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held is not None and start <= held[1]:
            held = held[0], max(held[1], end)
            continue
        if held is not None:
            yield held
        held = start, end
    if held is not None:
        yield held
