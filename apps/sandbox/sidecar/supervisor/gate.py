"""How many runs go at a time, and how many may wait: first come, first served, and no profile crowds out the rest."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import suppress
from typing import Any

from apps.sandbox.sidecar.errors import Busy


class Gate:
    """Lets `concurrency` runs in; lets `bound` more of each profile wait; refuses what comes after them."""

    def __init__(self, *, concurrency: int, bound: int) -> None:
        self._concurrency, self._bound = concurrency, bound
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waiting_of: Counter[str] = Counter()

    async def enter(self, profile: str) -> None:
        """Wait for a place; raises Busy if too many wait already."""
        if self._running < self._concurrency and not self._waiting:
            self._running += 1
            return
        if self._waiting_of[profile] >= self._bound:
            raise Busy(f"{self._bound} runs are waiting already; try again later")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._waiting_of[profile] += 1
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # the place came at the same moment
            else:
                with suppress(ValueError):  # whoever left at the same moment has passed it over already
                    self._waiting.remove(place)
            raise
        finally:
            self._waiting_of[profile] -= 1

    def leave(self) -> None:
        """Hand the place to the one who has waited longest."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._running -= 1

    def as_json(self) -> dict[str, Any]:
        """Give what `/health` shows."""
        return {"waiting": len(self._waiting), "running": self._running, "bound": self._bound}
