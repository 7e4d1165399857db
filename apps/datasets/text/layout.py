"""Owns undoing the line ends that a page's width made, in English and in Chinese, and no others."""

import re
import unicodedata
from itertools import pairwise

from apps.datasets.text.scripts import CJK_PUNCTUATION, UNSPACED

MIN_PROSE_WIDTH = 30
"""Columns; narrower text than this is a form, a label or a verse, not wrapped prose."""
FULL_LATIN = 0.75
FULL_CJK = 0.85
PROSE_SHARE = 0.3
"""In wrapped English prose most lines go on in lower case; in lists of names and rows few do."""

_CJK_END = re.compile(f"[{UNSPACED}{CJK_PUNCTUATION}]\\s*$")
_CJK_START = re.compile(f"^[{UNSPACED}{CJK_PUNCTUATION}]")
_ITEM_START = re.compile(
    r"^\s*(?:[-*+•●○◦▪■□·‣➢–—]\s|\(?[0-9]{1,3}[.)、]\s*\D|\(?[a-zA-Z][.)]\s|[(（][一二三四五六七八九十0-9]{1,3}[)）]"
    r"|[一二三四五六七八九十]{1,3}、|第[一二三四五六七八九十百0-9]{1,4}[章节条款]|\||#{1,6}\s)"
)
_ROW = re.compile(r"\||\t|\S {3,}\S+ {3,}\S|\.{4,}|…{2,}|(?:\. ){4,}")
_NUMBER_WORD = re.compile(r"^[-+(]?[$€£¥]?\d[\d.,:%/)-]*$")
_INDENT = re.compile(r"^(?:\u3000{1,4}| {2,8})\S")
_HYPHEN_END = re.compile(r"([^\W\d_]{2,})-$")
_SENTENCE_ENDS = (".", "!", "?", ":")
_LOWER_WORD = re.compile(r"^([a-zß-öø-ÿ]+)")


def unwrap_lines(text: str) -> str:
    """Join lines that a page's width broke; paragraphs, lists, headings and table rows keep their lines."""
    lines = text.split("\n")
    width = _usual_width(lines)
    if width < MIN_PROSE_WIDTH:
        return text
    prose = _is_prose(lines)
    joined: list[str] = [lines[0]]
    for before, line in pairwise(lines):
        if _continues(before, line, width=width, prose=prose):
            joined[-1] = _join(joined[-1], line, text=text)
        else:
            joined.append(line)
    return "\n".join(joined)


def _continues(before: str, line: str, *, width: int, prose: bool) -> bool:
    """Whether `line` goes on with the sentence or paragraph of the line before it."""
    if not before.strip() or not line.strip() or _ITEM_START.match(line) or _INDENT.match(line):
        return False
    if _is_row(before) or _is_row(line):
        return False
    filled = _columns(before.rstrip()) / width
    if _CJK_END.search(before) or _CJK_START.match(line.lstrip()):
        return filled >= FULL_CJK
    lower = line.lstrip()[0].islower()
    if lower and not before.rstrip().endswith((".", "!", "?", ":")):
        return filled >= FULL_LATIN / 2
    return prose and filled >= FULL_LATIN and not _is_heading_after(before, line, width=width)


def _is_heading_after(before: str, line: str, *, width: int) -> bool:
    """A paragraph ends in a full stop, also in its short last line; a short line without one stands for itself."""
    complete = before.rstrip().endswith(_SENTENCE_ENDS)
    open_end = not line.rstrip().endswith((*_SENTENCE_ENDS, ",", ";", "-", ")", '"', "”"))
    return complete and open_end and _columns(line.rstrip()) < FULL_LATIN * width


def _join(left: str, right: str, *, text: str) -> str:
    """Put two pieces of a line together: without a blank between CJK, without the hyphen of a broken word."""
    left, right = left.rstrip(), right.lstrip()
    broken, rest = _HYPHEN_END.search(left), _LOWER_WORD.match(right)
    if broken and rest:
        # A compound that the page also writes inside a line keeps its hyphen.
        compound = f"{broken[1]}-{rest[1]}"
        return left + right if compound in text else left[:-1] + right
    if _CJK_END.search(left) and _CJK_START.match(right):
        return left + right
    return f"{left} {right}"


def _columns(line: str) -> int:
    """Width on the page: a CJK character is two columns."""
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def _usual_width(lines: list[str]) -> int:
    """The width that full lines have: the 80th percentile of the lines that hold something."""
    widths = sorted(_columns(line.rstrip()) for line in lines if line.strip())
    return widths[int(len(widths) * 0.8)] if len(widths) > 1 else 0


def _is_prose(lines: list[str]) -> bool:
    starts = [line.lstrip()[0] for line in lines[1:] if line.strip()]
    lower = sum(start.islower() for start in starts)
    return bool(starts) and lower / len(starts) >= PROSE_SHARE


def _is_row(line: str) -> bool:
    """A table row or a line of a table of contents."""
    if _ROW.search(line.strip()):
        return True
    words = line.split()
    return len(words) >= 3 and sum(bool(_NUMBER_WORD.match(word)) for word in words) / len(words) >= 0.4
