"""The numbers that tell children apart for the kernel: each is a user id of its own in the root mode."""

from __future__ import annotations

import heapq
from typing import Final

from apps.sandbox.sidecar.errors import Unavailable

SLOTS: Final = 2000


class Slots:
    """Gives each living child a number that no other living child of any zygote has."""

    def __init__(self) -> None:
        self._free = list(range(SLOTS))

    def take(self) -> int:
        """Take the lowest free number; raises Unavailable if every one is in use."""
        if not self._free:
            raise Unavailable("too many processes are ending at the same time")
        return heapq.heappop(self._free)

    def give_back(self, slot: int) -> None:
        """Return a number whose process is gone."""
        heapq.heappush(self._free, slot)
