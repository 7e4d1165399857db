"""What changed between two texts, word by word; Chinese, Japanese and Korean character by character."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
#: A run of word characters that are not CJK, a run of spaces, or one other character.
_TOKEN = re.compile(rf"[^\W{_CJK}]+|\s+|.", re.DOTALL)
#: Above this many tokens the middle is shown as replaced whole: exact matching is quadratic.
LIMIT = 12_000

Kind = Literal["same", "added", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of text that both share, or that only the new or only the old one has."""

    kind: Kind
    text: str


def diff_words(old: str, new: str) -> list[Piece]:
    """The pieces that lead from `old` to `new`, in reading order; removed before added."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    changes = _changes(before[start : len(before) - end], after[start : len(after) - end])
    head, tail = "".join(before[:start]), "".join(before[len(before) - end :])
    return [piece for change in (("", "", head), *changes, ("", "", tail)) for piece in _pieces(change)]


def diff_stats(pieces: Sequence[Piece]) -> dict[str, int]:
    """How many words were kept, added and removed (spaces and punctuation not counted)."""
    names = {"same": "kept", "added": "added", "removed": "removed"}
    counts = dict.fromkeys(names.values(), 0)
    for piece in pieces:
        counts[names[piece.kind]] += sum(1 for token in _TOKEN.findall(piece.text) if token[0].isalnum())
    return counts


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many tokens both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _changes(before: list[str], after: list[str]) -> Iterator[tuple[str, str, str]]:
    """Triples (removed, added, the same after it). A space alone between two changes belongs to them."""
    if len(before) + len(after) > LIMIT:
        yield "".join(before), "".join(after), ""
        return
    removed = added = ""
    for tag, i1, i2, j1, j2 in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        old, new = "".join(before[i1:i2]), "".join(after[j1:j2])
        if tag == "equal" and not old.isspace():
            yield removed, added, old
            removed = added = ""
        else:
            removed, added = removed + old, added + new
    yield removed, added, ""


def _pieces(change: tuple[str, str, str]) -> Iterator[Piece]:
    kinds: tuple[Kind, Kind, Kind] = ("removed", "added", "same")
    for kind, text in zip(kinds, change, strict=True):
        if text:
            yield Piece(kind=kind, text=text)
