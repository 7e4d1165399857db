"""Where the time of a trace went: the chain that everything waited for, and what each span spent by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

#: From and until, in microseconds since the trace began.
Interval = tuple[int, int]
#: Two clocks measure a step: one may end so much after the next began, in microseconds.
OVERLAP = 1_000


def critical_path(intervals: Sequence[Interval], children: Sequence[Sequence[int]], causes: Sequence[int]) -> set[int]:
    """The places that the end of the trace waited for; nothing where that is all of them.

    From the end backwards: the child that ended last, before it what caused that one (`causes`, -1 where nobody said:
    then the one that had ended last when it began), and within each the same again. The last entry of `children` is
    what stands at the top.
    """
    path: set[int] = set()
    stack = [(children[-1], max((until for _, until in intervals), default=0))]
    while stack:
        siblings, end = stack.pop()
        for at, until in _chain(siblings, end, intervals, causes):
            path.add(at)
            stack.append((children[at], until))
    timed = sum(until > since for since, until in intervals)
    return path if len(path) < timed else set()


def _chain(
    siblings: Sequence[int], end: int, intervals: Sequence[Interval], causes: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """The siblings on the way back from an end, each with the time until which it mattered."""
    timed = [at for at in siblings if intervals[at][1] > intervals[at][0]]
    backwards = iter(sorted(timed, key=lambda at: -intervals[at][1]))
    seen: set[int] = set()
    cursor, cause = end, -1
    while True:
        if cause >= 0 and cause not in seen:
            at: int | None = cause
        else:
            at = next((one for one in backwards if intervals[one][1] <= cursor + OVERLAP and one not in seen), None)
        if at is None:
            return
        seen.add(at)
        since, until = intervals[at]
        yield at, min(until, end)
        cursor, cause = min(cursor, since), causes[at]


def own_times(intervals: Sequence[Interval], children: Sequence[Sequence[int]]) -> list[int]:
    """For each place, its time less the time in which a child of its ran."""
    return [
        (until - since) - _covered([intervals[child] for child in below], since, until)
        for (since, until), below in zip(intervals, children, strict=False)
    ]


def _covered(intervals: Sequence[Interval], since: int, until: int) -> int:
    """How much of a stretch is covered by at least one of these."""
    covered = 0
    cursor = since
    for begin, end in sorted(intervals):
        begin, end = max(begin, cursor), min(end, until)
        if end > begin:
            covered += end - begin
            cursor = end
    return covered
