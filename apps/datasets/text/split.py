"""Owns where a long text is cut: at the best boundary that fits, Chinese and English alike."""

import re
import unicodedata
from collections.abc import Callable, Iterator

from apps.datasets.text.scripts import estimate_tokens

TokenCount = Callable[[str], float]
"""How many tokens a text has for the model that will read it."""

# Best first; a cut comes after the separator, so it stays with the text that it ends.
SEPARATORS: tuple[tuple[str, ...], ...] = (
    ("\n\n",),
    ("\n",),
    ("。", "！", "？", "…", ". ", "! ", "? "),
    ("；", "; "),
    ("，", "、", ", "),
    (" ",),
)
_LEAST_FILL = (0.5, 0.5, 0.3, 0.3, 0.3, 0.0)
"""How full a piece must be for a boundary of that rank to be good enough."""
_CLOSING = frozenset("”’」』）】》)]\"'")
_JOINED = frozenset("\u200c\u200d\ufe0e\ufe0f")
_SPACE = re.compile(r"\s*")


def split_spans(
    text: str,
    start: int,
    end: int,
    *,
    max_chars: int,
    max_tokens: int | None,
    min_chars: int,
    count: TokenCount = estimate_tokens,
) -> Iterator[tuple[int, int]]:
    """Yield spans that lie one after the other, lose nothing but blanks between them, and fit the limits.

    The last cut leaves at least `min_chars` behind it, so that no stub remains.
    """
    position = _skip_blank(text, start, end)
    while position < end:
        limit = _fitting_end(text, position, end, max_chars=max_chars, max_tokens=max_tokens, count=count)
        if limit >= end:
            cut = end
        else:
            spare = max(position + (limit - position) // 2, end - min_chars)
            cut = _best_cut(text, position, min(limit, spare))
        yield position, _rstrip(text, position, cut)
        position = _skip_blank(text, cut, end)


def overlap_start(text: str, floor: int, start: int, *, overlap: int) -> int:
    """Where a span that repeats up to `overlap` characters before `start` begins: at a sentence or word."""
    lowest = max(floor, start - overlap)
    if lowest >= start:
        return start
    if lowest == floor:
        return _skip_blank(text, floor, start)
    for separators in SEPARATORS:
        found = [(text.find(mark, lowest, start), mark) for mark in separators]
        ends = [place + len(mark) for place, mark in found if place >= 0 and place + len(mark) < start]
        if ends:
            return _skip_blank(text, min(ends), start)
    return _skip_blank(text, _whole_character(text, lowest, start), start)


def _fitting_end(text: str, start: int, end: int, *, max_chars: int, max_tokens: int | None, count: TokenCount) -> int:
    """The farthest place such that the text from `start` to it keeps both limits; at least one character."""
    limit = min(end, start + max_chars)
    if max_tokens is None or count(text[start:limit]) <= max_tokens:
        return limit
    low, high = start + 1, limit
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[start:middle]) <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return low


def _best_cut(text: str, start: int, limit: int) -> int:
    size = limit - start
    for separators, fill in zip(SEPARATORS, _LEAST_FILL, strict=True):
        least = start + max(1, int(size * fill))
        cut = max(_after_last(text, mark, start, limit) for mark in separators)
        if cut >= least:
            return cut
    cut = limit
    while cut > start + 1 and _inside_character(text, cut):
        cut -= 1
    return cut


def _after_last(text: str, mark: str, start: int, limit: int) -> int:
    """The place after the last `mark`, and after a closing quote that belongs to it; -1 for none.

    A separator's own blank may lie just beyond the limit: it is not part of the piece anyway.
    """
    found = text.rfind(mark, start, limit + (1 if mark.endswith(" ") else 0))
    if found < 0:
        return -1
    cut = min(found + len(mark), limit)
    while cut < limit and text[cut] in _CLOSING:
        cut += 1
    return cut


def _inside_character(text: str, place: int) -> bool:
    """Whether a cut here would part a letter from its accent, or the pieces of an emoji."""
    char = text[place]
    return unicodedata.combining(char) != 0 or char in _JOINED or text[place - 1] == "\u200d"


def _whole_character(text: str, place: int, end: int) -> int:
    while place < end and _inside_character(text, place):
        place += 1
    return place


def _skip_blank(text: str, start: int, end: int) -> int:
    match = _SPACE.match(text, start, end)
    return match.end() if match else start


def _rstrip(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())
