"""Places that several want: a free one goes to whoever holds the fewest, and nobody's line is everybody's.

Who asks is named by a path from the outside in, `(team, run)`: between teams first, then between the runs of a team.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable

Share = tuple[Hashable, ...]


class Ticket:
    """A place in the line; `ready` is called once the place is there, and then it is held."""

    __slots__ = ("ready", "share")

    def __init__(self, share: Share, ready: Callable[[], None]) -> None:
        self.share = share
        self.ready = ready


class FairPlaces:
    """So many places, `total` in all and `most` for one team; they belong to one event loop."""

    __slots__ = ("_held", "_lines", "_most", "taken", "total")

    def __init__(self, total: int, *, most: int | None = None) -> None:
        self.total = total
        self.taken = 0
        self._most = most
        self._held: dict[Share, int] = {}
        #: Who waits, by share; a share whose line is empty is not there.
        self._lines: dict[Share, deque[Ticket]] = {}

    @property
    def crowded(self) -> bool:
        """Whether somebody waits."""
        return bool(self._lines)

    def waits_other_than(self, share: Share) -> bool:
        """Whether somebody else waits."""
        return len(self._lines) > (share in self._lines)

    def take(self, share: Share) -> bool:
        """Take a place if there is one for this share; whether there was."""
        if self.taken >= self.total or (self._most is not None and self._held.get(share[:1], 0) >= self._most):
            return False
        self.take_anyway(share)
        return True

    def take_anyway(self, share: Share) -> None:
        """Take a place whether there is one or not: for those who come back to what they had begun."""
        self.taken += 1
        for end in range(1, len(share) + 1):
            self._held[share[:end]] = self._held.get(share[:end], 0) + 1

    def give_back(self, share: Share) -> None:
        """A place is free; whoever is next has it at once."""
        self.taken -= 1
        for end in range(1, len(share) + 1):
            left = self._held[share[:end]] - 1
            if left:
                self._held[share[:end]] = left
            else:
                del self._held[share[:end]]
        if self._lines:
            self._serve()

    def queue(self, share: Share, ready: Callable[[], None]) -> Ticket:
        """Stand in line, after `take` has said no."""
        ticket = Ticket(share, ready)
        self._lines.setdefault(share, deque()).append(ticket)
        return ticket

    def forget(self, ticket: Ticket) -> None:
        """Leave the line."""
        line = self._lines.get(ticket.share)
        if line is not None and ticket in line:
            line.remove(ticket)
            if not line:
                del self._lines[ticket.share]

    async def come(self, share: Share) -> None:
        """Wait for a place, after `take` has said no; then it is held."""
        come: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = self.queue(share, lambda: come.set_result(None) if not come.done() else self.give_back(share))
        try:
            await come
        except asyncio.CancelledError:
            self.forget(ticket)
            if come.done() and not come.cancelled():
                self.give_back(share)
            raise

    def _serve(self) -> None:
        while self.taken < self.total and (share := self._next()) is not None:
            line = self._lines[share]
            ticket = line.popleft()
            if not line:
                del self._lines[share]
            self.take_anyway(share)
            ticket.ready()

    def _next(self) -> Share | None:
        """Of those who wait and may have one more: who holds the fewest; of equals, who has waited longest."""
        held, most = self._held, self._most
        best: Share | None = None
        fewest: tuple[int, ...] = ()
        for share in self._lines:
            counts = tuple(held.get(share[:end], 0) for end in range(1, len(share) + 1))
            if (most is None or counts[0] < most) and (best is None or counts < fewest):
                best, fewest = share, counts
        return best
