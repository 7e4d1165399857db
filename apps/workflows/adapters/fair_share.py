"""What the runs of a process share: nodes at work, calls through a provider's account, runs of code in the sandbox.

Of each there are so many places; a free one goes to the team that holds the fewest, and in it to such a run.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from django.conf import settings

from apps.workflows.engine.crew import House
from apps.workflows.engine.places import FairPlaces, Share
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.engine.waiting import standing_aside

#: Runs of code that one process asks the sandbox for at once, in all (the sandbox's line holds as many) and for a team.
MOST_CODE_RUNS: Final = 64
MOST_CODE_RUNS_OF_A_TEAM: Final = 16
_NODES: Final = "nodes"
_CODE: Final = "code"

_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, FairPlaces]] = weakref.WeakKeyDictionary()


def share_of(info: RunInfo) -> Share:
    """By which name a run asks for places."""
    return (info.team_id, info.run_id)


def house_of(info: RunInfo) -> House:
    """The places for nodes at work, for a run."""
    return House(places=_places(_NODES, settings.NODES_AT_ONCE), share=share_of(info))


def code_places() -> FairPlaces:
    """The places for code."""
    return _places(_CODE, MOST_CODE_RUNS, most=MOST_CODE_RUNS_OF_A_TEAM)


def account_places(account: str, *, calls_at_once: int | None) -> FairPlaces:
    """The places for calls through a provider's account; a limit that has changed counts from now on."""
    total = calls_at_once or settings.MODEL_CALLS_AT_ONCE
    places = _places(f"account/{account}", total)
    places.total = total
    return places


@asynccontextmanager
async def holding(places: FairPlaces, share: Share) -> AsyncIterator[None]:
    """Hold a place. While one is waited for, the run has another of its nodes work."""
    if not places.take(share):
        with standing_aside():
            await places.come(share)
    try:
        yield
    finally:
        places.give_back(share)


def unshared(key: UUID) -> tuple[FairPlaces, Share]:
    """Places that nobody else wants, for runs of code outside of workflow runs."""
    return FairPlaces(MOST_CODE_RUNS_OF_A_TEAM), (key,)


def _places(name: str, total: int, *, most: int | None = None) -> FairPlaces:
    """The running loop's places of that name. They are kept: there are no more of them than accounts."""
    known = _by_loop.setdefault(asyncio.get_running_loop(), {})
    if name not in known:
        known[name] = FairPlaces(total, most=most)
    return known[name]
