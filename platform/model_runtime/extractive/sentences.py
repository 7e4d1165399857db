"""Cuts a passage into sentences that can be quoted: English and Chinese, lists, headings, wrapped lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_BULLET = re.compile(r"^\s*(?:[-*+•·▪◦]|\(?\d{1,2}[.)、]|[（(][一二三四五六七八九十\d]+[）)])\s*(?=\S)")
_HEADING = re.compile(r"^\s*#{1,6}\s+")
_FENCE = re.compile(r"^\s*(```|~~~)")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]{5,}\|?\s*$")
_LINK = re.compile(r"!?\[([^\]]+)\]\([^)\s]*\)")
_EMPHASIS = re.compile(r"\*\*")
_ENDS = (".", "!", "?", "。", "！", "？", ":", "：", "…", ";", "；")
_CUT = re.compile(
    r"""(?<=[.!?])["'”’)\]]*\s+(?=["'“‘(\[]*[A-Z0-9\u3400-\u9fff`])|(?<=[。！？])(?![。！？”’』」）])\s*|(?<=[。！？][”’』」）])\s*"""
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|no|nos|fig|figs|sec|ch|pp?|vol|eq|dr|mr|mrs|ms|prof|st|inc|ltd|co|jr|sr"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)|\b[A-Z])\.$",
    re.I,
)
_WIDE_END = re.compile(r"[\u3000-\u9fff\uff00-\uffef]$")
_WIDE_START = re.compile(r"^[\u3000-\u9fff\uff00-\uffef]")
_SHORT_LINE = 60
_SHORT_WIDE_LINE = 14
_LONG = 300
_WORDS_OF_A_CLAUSE = 5
_WIDEST_PAGE = 130
_ALMOST_FULL = 0.85
_CLAUSE = re.compile(r"(?<=;)\s+|(?<=；)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A quotable piece. Headings and code are not quoted alone, but say what belongs to them."""

    text: str
    is_heading: bool = False
    is_item: bool = False
    is_code: bool = False


def split_sentences(text: str) -> list[Sentence]:
    """The pieces of a passage in order."""
    found: list[Sentence] = []
    for block in _blocks(text):
        if block.is_heading or block.is_code:
            found.append(block)
            continue
        pieces = [clause for piece in _cut(block.text) for clause in _clauses(piece)]
        found += [Sentence(text=piece, is_item=block.is_item) for piece in pieces]
    return found


def _blocks(text: str) -> Iterator[Sentence]:
    """Lines put together again where a line break is only a wrap."""
    held: Sentence | None = None
    in_code = False
    lines = [*text.splitlines(), ""]
    width = max(map(len, lines))
    for at, (line, following) in enumerate(pairwise([*lines, ""])):
        if _FENCE.match(line):
            in_code = not in_code
            line = ""
        elif in_code and line.strip():
            if held:
                yield held
            held = None
            yield Sentence(text=f"`{line.strip()}`", is_code=True)
            continue
        block = _block_of(line, following, width=width)
        if block and held and at == len(lines) - 2 and _is_left_over(block.text, held.text):
            block = Sentence(text=block.text, is_heading=True)
        if held and block and not (block.is_heading or block.is_item or held.is_heading):
            held = Sentence(text=_join(held.text, block.text), is_item=held.is_item)
            continue
        if held:
            yield held
        held = block
    if held:
        yield held


def _block_of(line: str, following: str, *, width: int) -> Sentence | None:
    stripped = _EMPHASIS.sub("", _LINK.sub(r"\1", line.strip()))
    if not stripped or _TABLE_RULE.match(line):
        return None
    if _HEADING.match(line):
        return Sentence(text=_HEADING.sub("", stripped).strip(), is_heading=True)
    if stripped.startswith("|"):
        cells = [cell.strip() for cell in stripped.strip("|").split("|")]
        cells = list(filter(None, cells))
        return Sentence(text=(": " if len(cells) == 2 else " | ").join(cells), is_item=True)
    if _BULLET.match(stripped):
        return Sentence(text=_BULLET.sub("", stripped).strip(), is_item=True)
    is_heading = _looks_like_heading(stripped, following.strip()) and not _is_wrapped(line, following, width=width)
    return Sentence(text=stripped, is_heading=is_heading)


def _looks_like_heading(line: str, following: str) -> bool:
    """A short line that ends like none and is followed by the start of something new."""
    if len(line) > _SHORT_LINE or line.endswith((*_ENDS, ",", "，", "、", "-")) or not following:
        return False
    if len(line) <= _SHORT_WIDE_LINE and _WIDE_START.match(line) and _WIDE_START.match(following):
        return True
    starts_new = following[:1].isupper() or bool(_BULLET.match(following))
    return starts_new and (line[:1].isupper() or line[:1].isdigit()) and len(line.split()) <= 8


def _is_left_over(last: str, before: str) -> bool:
    """A heading at the very end, whose text went to the next passage."""
    open_end = last[:1].isupper() and not last.endswith(_ENDS) and not re.search(r"\d", last)
    return open_end and before.endswith(_ENDS) and len(last) <= _SHORT_LINE and len(last.split()) <= 8


def _is_wrapped(line: str, following: str, *, width: int) -> bool:
    """Whether the next line's first word had no room here, in a text that is broken at some width."""
    if len(line.split()) < _WORDS_OF_A_CLAUSE or width > _WIDEST_PAGE:
        return False
    return len(line) + 1 + len(following.split()[0]) >= _ALMOST_FULL * width


def _join(first: str, second: str) -> str:
    if first.endswith("-") and first[-2:-1].isalpha() and second[:1].islower():
        return first[:-1] + second
    if _WIDE_END.search(first) and _WIDE_START.match(second):
        return first + second
    return f"{first} {second}"


def _cut(text: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for cut in _CUT.finditer(text):
        # Closing quotes that the pattern swallowed stay with their sentence.
        end = cut.start() + len(cut[0].rstrip())
        candidate = text[start:end].strip()
        if not candidate or _ABBREVIATION.search(candidate):
            continue
        pieces.append(candidate)
        start = cut.end()
    if rest := text[start:].strip():
        pieces.append(rest)
    return pieces


def _clauses(sentence: str) -> list[str]:
    """A sentence as it is; one that nobody would quote whole at its semicolons."""
    if len(sentence) <= _LONG:
        return [sentence]
    return [clause for part in _CLAUSE.split(sentence) if (clause := part.strip().rstrip(";；"))]
