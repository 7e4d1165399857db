"""Masks a text while it is being written: what may still become something that must go is kept back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import regex

from apps.traces.masking.masker import Masker
from apps.traces.masking.own import TIME_LIMIT_S, Own
from apps.traces.masking.rules import Anchored, Family, Formed, Rule

#: A piece that is longer than this and still open is shown when the text is complete.
MOST_OPEN: Final = 8_000
_FLAGS: Final = ((re.IGNORECASE, regex.I), (re.DOTALL, regex.S), (re.ASCII, regex.A))
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


class StreamedText:
    """One text that comes in pieces. What was shown of it is never less masked than the whole will be."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._forms = _forms(masker.rules)
        self._whole: list[str] = []
        self._shown: list[str] = []
        self._open = ""

    def add(self, piece: str) -> str:
        """What may be shown now; it may be nothing yet."""
        self._whole.append(piece)
        self._open += piece
        place = _settled(self._open, self._forms)
        ready, self._open = self._open[:place], self._open[place:]
        return self._show(ready)

    def finish(self) -> tuple[str, bool]:
        """The text is complete: what is to be shown besides, or, where True, instead of all that was shown."""
        rest, self._open = self._open, ""
        rest = self._show(rest)
        masked = self._masker.text("".join(self._whole))
        shown = "".join(self._shown)
        self._whole, self._shown = [], []
        return (rest, False) if shown == masked else (masked, True)

    def _show(self, text: str) -> str:
        masked = self._masker.text(text) if text else ""
        self._shown.append(masked)
        return masked


def _settled(text: str, forms: Sequence[Any]) -> int:
    """How much of the text is decided, whatever follows."""
    if not text or len(text) > MOST_OPEN:
        return 0
    try:
        found = [each.span() for form in forms for each in form.finditer(text, partial=True, timeout=TIME_LIMIT_S)]
    except TimeoutError:
        return 0
    word = _WORD.search(text)
    place = min((start for start, end in found if end == len(text)), default=len(text))
    place = min(place, word.start() if word else place)
    # Nothing is cut in two: what begins before the place and ends behind it waits as well.
    for start, end in sorted(found, reverse=True):
        if start < place < end:
            place = start
    return place


@lru_cache(maxsize=200)
def _forms(rules: tuple[Rule, ...]) -> tuple[Any, ...]:
    return tuple(_form(rule) for rule in _each(rules))


def _each(rules: Sequence[Rule]) -> Iterator[Rule]:
    for rule in rules:
        if isinstance(rule, Family):
            yield from _each(rule.rules)
        else:
            yield rule


def _form(rule: Rule) -> Any:
    """The rule's pattern in a form that can tell a beginning from nothing."""
    if isinstance(rule, Own):
        return rule.pattern
    assert isinstance(rule, (Anchored, Formed))
    flags = regex.V0
    for ours, theirs in _FLAGS:
        if rule.pattern.flags & ours:
            flags |= theirs
    return regex.compile(rule.pattern.pattern, flags)
