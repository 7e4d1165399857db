"""What a masking rule is: where in a text it looks, and what it puts in place of what it finds. Cheap where nothing is.

Most texts hold nothing that must go. So a rule first asks whether one of its literal pieces occurs at all, which
costs next to nothing, and matches its pattern only at the places where one does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol


def mark(name: str) -> str:
    """What stands where something was."""
    return f"[masked:{name}]"


class Rule(Protocol):
    """One kind of thing that must not be kept."""

    @property
    def name(self) -> str:
        """What its marks say."""

    def may_hold(self, text: str, lower: str) -> bool:
        """Whether the text can hold such a thing; `lower` is the text in small letters. Must be cheap."""

    def mask(self, text: str, lower: str) -> str:
        """The text without such things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """Things that begin with a known literal. The group `keep` of the pattern, where it has one, stays."""

    name: str
    #: In small letters where `caseless`.
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    caseless: bool = False
    check: Callable[[str], bool] | None = None

    def may_hold(self, text: str, lower: str) -> bool:
        """Whether one of the literals occurs."""
        searched = lower if self.caseless else text
        return any(anchor in searched for anchor in self.anchors)

    def mask(self, text: str, lower: str) -> str:
        """Match at each literal, from the left, never within what was matched before."""
        searched = lower if self.caseless else text
        done, skipped = 0, 0
        pieces: list[str] = []
        for at in self._places(searched):
            if at < max(done, skipped):
                continue
            found = self.pattern.match(text, at)
            if found is None:
                continue
            if self.check is not None and not self.check(found[0]):
                skipped = found.end()  # no part of it can stand the check either
                continue
            kept = found["keep"] if "keep" in self.pattern.groupindex else ""
            pieces += [text[done:at], kept, mark(self.name)]
            done = found.end()
        return "".join([*pieces, text[done:]]) if pieces else text

    def _places(self, searched: str) -> Iterator[int]:
        if len(self.anchors) == 1:
            return _all(searched, self.anchors[0])
        return iter(sorted({at for anchor in self.anchors for at in _all(searched, anchor)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Formed:
    """Things known by their form only: numbers and addresses. `gate` must find something first."""

    name: str
    gate: Callable[[str], object]
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = field(default=lambda _found: True)

    def may_hold(self, text: str, lower: str) -> bool:
        """Whether the gate lets the text through."""
        return bool(self.gate(text))

    def mask(self, text: str, lower: str) -> str:
        """Replace what has the form and stands the check."""
        return self.pattern.sub(lambda found: mark(self.name) if self.check(found[0]) else found[0], text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Rules with a gate in common."""

    name: str
    gate: Callable[[str], bool]
    rules: tuple[Rule, ...]

    def may_hold(self, text: str, lower: str) -> bool:
        """Whether the gate lets the text through."""
        return self.gate(text)

    def mask(self, text: str, lower: str) -> str:
        """Apply those that may find something."""
        for rule in self.rules:
            if rule.may_hold(text, lower):
                masked = rule.mask(text, lower)
                if masked is not text:
                    text, lower = masked, lowered(masked)
        return text


def lowered(text: str) -> str:
    """The text in small letters, each at its place: a few letters are two when made small, and stay as they are."""
    lower = text.lower()
    return (
        lower
        if len(lower) == len(text)
        else "".join(small if len(small := each.lower()) == 1 else each for each in text)
    )


def _all(text: str, piece: str) -> Iterator[int]:
    at = text.find(piece)
    while at >= 0:
        yield at
        at = text.find(piece, at + 1)
