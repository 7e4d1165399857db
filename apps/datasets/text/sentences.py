"""Owns where sentences end, in English and in Chinese."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CLOSING = r"[”’」』）】》)\]\"']*"
_END = re.compile(
    rf"[。！？；…]+{_CLOSING}"  # Chinese: no blank needed
    rf"|[.!?]+{_CLOSING}(?=\s|\Z|[\u4e00-\u9fff])"
    r"|\n\s*\n|\n(?=\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|\|)\s)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|sr|jr|st|vs|etc|no|nos|fig|figs|eq|sec|ch|vol|pp?|approx|dept|inc|ltd|co|corp"
    r"|al|cf|e\.g|i\.e|a\.m|p\.m|u\.s|u\.k|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)|(?:^|\s)[a-z])\.$",
    re.IGNORECASE,
)
_LOOK_BACK = 12
# These may well end a sentence; they do not when the next word goes on in lower case.
_MAY_END = re.compile(r"(?:etc|inc|ltd|co|corp|al|a\.m|p\.m|u\.s|u\.k|no|sec)\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence without the blanks around it; `text` is exactly `source[start:end]`."""

    start: int
    end: int
    text: str


def split_sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences in order; only blanks lie between them, so no text is lost."""
    start = 0
    for match in _END.finditer(text):
        if match[0].startswith(".") and _is_abbreviation(text, match):
            continue
        yield from _trimmed(text, start, match.end())
        start = match.end()
    yield from _trimmed(text, start, len(text))


def _is_abbreviation(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - _LOOK_BACK) : match.start() + 1]
    following = text[match.end() : match.end() + 4].lstrip()
    if not following:
        return False
    if _MAY_END.search(before):
        return following[0].islower() or following[0].isdigit()
    return _ABBREVIATION.search(before) is not None


def _trimmed(text: str, start: int, end: int) -> Iterator[Sentence]:
    piece = text[start:end]
    words = piece.strip()
    if words:
        begin = start + len(piece) - len(piece.lstrip())
        yield Sentence(start=begin, end=begin + len(words), text=words)
