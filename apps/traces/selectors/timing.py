"""Where the time of a trace went: the chain that everything waited for, and what each span spent by itself."""

from __future__ import annotations

from collections.abc import Sequence

#: From and until, in microseconds since the trace began.
Interval = tuple[int, int]
#: Two clocks measure a step: one may end so much after the next began, in microseconds.
OVERLAP = 1_000


def critical_path(intervals: Sequence[Interval], children: Sequence[Sequence[int]]) -> set[int]:
    """The places that the end of the trace waited for; nothing where that is all of them.

    From the end backwards: the child that ended last, before it the one that had ended last when that began, and
    within each the same again. The last entry of `children` is what stands at the top.
    """
    path: set[int] = set()
    end = max((until for _, until in intervals), default=0)
    stack = [(children[-1], end)]
    while stack:
        siblings, cursor = stack.pop()
        for at in sorted(siblings, key=lambda at: (intervals[at][1], at), reverse=True):
            since, until = intervals[at]
            if until > cursor + OVERLAP or until == 0:
                continue
            path.add(at)
            stack.append((children[at], min(until, cursor)))
            cursor = min(cursor, since)
    timed = sum(until > 0 for _, until in intervals)
    return path if len(path) < timed else set()


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
