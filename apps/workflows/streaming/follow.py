"""Following a run from any process: each event once, in order, from any point, also after the run has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from apps.workflows.engine.events import RunFinished, RunPaused
from apps.workflows.engine.journal import Numbered, stream_key
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.selectors.concealing import concealed, secrets_of_run
from apps.workflows.selectors.events import is_finished, live_event, stored_events
from support.database import in_thread
from support.redis_client import redis_for_loop

logger = logging.getLogger(__name__)

IDLE_S = 2.0
POLL_S = 0.25  # how often the log is read while Redis does not help
AT_ONCE = 500


async def follow(run_id: UUID, *, after: int = 0, is_new: bool = False) -> AsyncIterator[Numbered | None]:
    """Yield `(seq, event)` for every event above `after` up to the run's end; None when nothing came for a while.

    It also ends where the run waits for people: whoever replies, or comes back later, follows it on from there.
    The Redis stream is read first because it is quick; entry ids are sequence numbers, so a gap shows, and whatever
    is missing there comes from the log. `is_new`: the run was launched just now, so that nothing is in the log yet.
    """
    secrets = await _secrets(run_id)
    last = after
    block = IDLE_S if is_new else 0.0  # the first look must not wait: the run may have ended long ago
    while True:
        live = await _live(run_id, last, block)
        fresh = live or []
        has_gap = bool(fresh) and fresh[0][0] != last + 1
        if not fresh or has_gap:
            fresh = await _stored(run_id, last)
        before = last
        for seq, event in fresh:
            if seq != last + 1:
                break  # live ran ahead of the log; the missing part is being committed
            yield seq, concealed(event, secrets)
            last = seq
            if isinstance(event, RunFinished) or (isinstance(event, RunPaused) and await _is_aside(run_id, last)):
                return
        if last == before:
            if block and await in_thread(_is_over, run_id, last):
                return
            yield None
            if live is None or has_gap:
                await asyncio.sleep(POLL_S)  # Redis is away, or the missing rows are on their way to the log
        block = IDLE_S


async def _secrets(run_id: UUID) -> Secrets:
    """What no follower may see; nothing is shown before this is known."""
    while True:
        try:
            return await in_thread(secrets_of_run, run_id)
        except (OperationalError, InterfaceError) as exc:
            logger.warning("the secrets of run %s cannot be read now: %s", run_id, type(exc).__name__)
            await asyncio.sleep(POLL_S)


async def _is_aside(run_id: UUID, last: int) -> bool:
    """Whether the pause at the end of what we have is the present; the run may have gone on long ago."""
    try:
        return await in_thread(_is_over, run_id, last)
    except (OperationalError, InterfaceError):
        return False


async def _stored(run_id: UUID, last: int) -> list[Numbered]:
    """What the log has after `last`; nothing while the database is away, for the run may well go on."""
    try:
        return await in_thread(stored_events, run_id, after=last)
    except (OperationalError, InterfaceError) as exc:
        logger.warning("the log of run %s cannot be read now: %s", run_id, type(exc).__name__)
        await asyncio.sleep(POLL_S)
        return []


async def _live(run_id: UUID, last: int, block: float) -> list[Numbered] | None:
    """What the stream has after `last`, waiting for up to `block` seconds; None when Redis is away."""
    try:
        reply: Any = await redis_for_loop().xread(
            {stream_key(run_id): f"{last}-0"}, count=AT_ONCE, block=int(block * 1000) or None
        )
    except (RedisError, OSError) as exc:
        logger.info("live events are away: %s", type(exc).__name__)
        return None
    return [live_event(entry) for _, entries in reply for entry in entries]


def _is_over(run_id: UUID, last: int) -> bool:
    """The run has ended and the log holds nothing more: only for runs whose log was pruned."""
    try:
        return is_finished(run_id) and not stored_events(run_id, after=last)
    except (OperationalError, InterfaceError):
        return False
