"""Histograms of durations with buckets that grow by a tenth: they add up, and any quantile is within 5 %.

A bucket holds what lies between two neighbouring powers of 1.1 (in milliseconds); its middle is 2·1.1ⁿ/2.1, so that
whatever is in it is at most 0.1/2.1 = 4.8 % away. What is shorter than a millisecond is in bucket 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from operator import add

GROWTH = 1.1
FIRST_US = 1_000
#: The last one ends at two days.
BUCKETS = 200
_LOG = math.log(GROWTH)


def bucket_of(microseconds: int) -> int:
    """The bucket that a duration falls in."""
    if microseconds <= FIRST_US:
        return 0
    return min(BUCKETS - 1, math.ceil(math.log(microseconds / FIRST_US) / _LOG))


def middle_of(bucket: int) -> float:
    """The duration in microseconds that stands for all of a bucket."""
    if bucket <= 0:
        return FIRST_US / 2
    return FIRST_US * 2 * GROWTH**bucket / (GROWTH + 1)


@dataclass(slots=True)
class Histogram:
    """Counts of buckets, without the empty ones at the end. Negative counts take back what was added elsewhere."""

    counts: list[int] = field(default_factory=list)

    def add(self, microseconds: int, times: int = 1) -> None:
        """Count a duration."""
        bucket = bucket_of(microseconds)
        if bucket >= len(self.counts):
            self.counts.extend([0] * (bucket + 1 - len(self.counts)))
        self.counts[bucket] += times

    def merge(self, counts: Sequence[int]) -> None:
        """Count what another histogram counted."""
        if len(counts) > len(self.counts):
            self.counts.extend([0] * (len(counts) - len(self.counts)))
        self.counts[: len(counts)] = map(add, self.counts, counts)

    @property
    def total(self) -> int:
        """How many were counted."""
        return sum(count for count in self.counts if count > 0)

    def quantile(self, share: float) -> float | None:
        """The duration in microseconds that `share` (0 to 1) of them do not exceed; None without any."""
        total = self.total
        if not total:
            return None
        wanted = max(1, math.ceil(share * total))
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += max(0, count)
            if seen >= wanted:
                return middle_of(bucket)
        return middle_of(len(self.counts) - 1)


def merged(many: Iterable[Sequence[int]]) -> Histogram:
    """One histogram of all."""
    arrays = list(many)
    if not arrays:
        return Histogram()
    return Histogram([sum(column) for column in zip_longest(*arrays, fillvalue=0)])
