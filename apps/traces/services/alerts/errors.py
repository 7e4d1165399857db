"""What may go wrong while somebody is told."""

from __future__ import annotations


class NotDelivered(Exception):
    """A notice did not arrive. `again` says whether another try may succeed."""

    def __init__(self, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.again = reason, again
