"""A team's share of something that all teams use: what one team wants beyond it waits here, not in everybody's line."""

from __future__ import annotations

import asyncio
import weakref
from typing import Final
from uuid import UUID

#: Runs of code that one process asks the sandbox for at once, for one team; the sandbox's line holds 64.
MOST_CODE_RUNS: Final = 16

_Shares = weakref.WeakValueDictionary[UUID, asyncio.Semaphore]
_shares: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Shares] = weakref.WeakKeyDictionary()


def code_share(team_id: UUID) -> asyncio.Semaphore:
    """The team's places, on the running loop; whoever holds one runs code. Kept while somebody knows it."""
    shares = _shares.setdefault(asyncio.get_running_loop(), weakref.WeakValueDictionary())
    share = shares.get(team_id)
    if share is None:
        share = shares[team_id] = asyncio.Semaphore(MOST_CODE_RUNS)
    return share
