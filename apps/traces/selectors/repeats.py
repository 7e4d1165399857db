"""Finds siblings that do the same again and again: 37 calls of one tool, 300 rounds of a loop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: So many times in a row is a repetition; fewer are quicker read than unfolded.
FEWEST = 4
#: The longest pattern that is looked for.
LONGEST = 8
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Siblings:
    """The children of one span in order: their rows, and what each is (its kind, its node or its name)."""

    places: Sequence[int]
    names: Sequence[tuple[str, str]]
    #: Whether the name is that of a node, which is taken as it is; in others, numbers do not count.
    are_named: Sequence[bool]
    of_loop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Rows from `first` to `last` (both of them siblings) repeat a pattern; its first turn is `pattern`."""

    first: int
    last: int
    times: int
    pattern: Sequence[int]


def repeats(siblings: Siblings) -> Iterator[Repetition]:
    """What repeats among these siblings, in order; nothing overlaps."""
    places = siblings.places
    if len(places) < FEWEST:
        return
    marks = _marks(siblings)
    if siblings.of_loop and (found := _rounds(places, marks)):
        yield found
        return
    reaches = _reaches(marks)
    at = 0
    while at <= len(marks) - FEWEST:
        period, length = _longest(reaches, at)
        if not length:
            at += 1
            continue
        pattern = places[at : at + period]
        yield Repetition(first=places[at], last=places[at + length - 1], times=length // period, pattern=pattern)
        at += length


def _marks(siblings: Siblings) -> list[int]:
    """The same number for what is the same."""
    numbers: dict[tuple[str, str], int] = {}
    marks = []
    for (kind, name), is_named in zip(siblings.names, siblings.are_named, strict=True):
        mark = (kind, name if is_named else _DIGITS.sub("#", name))
        marks.append(numbers.setdefault(mark, len(numbers)))
    return marks


def _rounds(places: Sequence[int], marks: Sequence[int]) -> Repetition | None:
    """The rounds of a loop take turns as its branches say: all of them together are one repetition."""
    first: dict[int, int] = {}
    counts: dict[int, int] = {}
    for place, mark in zip(places, marks, strict=True):
        first.setdefault(mark, place)
        counts[mark] = counts.get(mark, 0) + 1
    times = max(counts.values())
    if times < FEWEST:
        return None
    return Repetition(first=places[0], last=places[-1], times=times, pattern=list(first.values()))


def _reaches(marks: Sequence[int]) -> list[list[int]]:
    """For each period up to the longest: how many marks from each place on equal the one a period later."""
    reaches = []
    for period in range(1, min(LONGEST, len(marks) // FEWEST) + 1):
        reach = [0] * (len(marks) + 1)
        for at in range(len(marks) - period - 1, -1, -1):
            reach[at] = reach[at + 1] + 1 if marks[at] == marks[at + period] else 0
        reaches.append(reach)
    return reaches


def _longest(reaches: Sequence[Sequence[int]], at: int) -> tuple[int, int]:
    """Period and length of the shortest pattern that repeats from here; (0, 0) where none does."""
    for period, reach in enumerate(reaches, start=1):
        times = reach[at] // period + 1
        if times >= FEWEST:
            return period, times * period
    return 0, 0
