"""Following a run from any process: each event once, in order, from any point, also after the run has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from uuid import UUID

import orjson
from redis.exceptions import RedisError

from apps.workflows.engine.events import Event, RunFinished, from_dict
from apps.workflows.engine.journal import Numbered, stream_key
from apps.workflows.selectors.events import is_finished, stored_events
from support.database import in_thread
from support.redis_client import redis_for_loop

logger = logging.getLogger(__name__)

IDLE_S = 2.0
POLL_S = 0.5  # how often the log is read while Redis does not help


async def follow(run_id: UUID, *, after: int = 0) -> AsyncIterator[Numbered | None]:
    """Yield `(seq, event)` for every event above `after` up to `RunFinished`; None when nothing came for a while.

    The Redis stream is read first because it is quick; entry ids are sequence numbers, so a gap shows, and whatever
    is missing there comes from the log.
    """
    last = after
    block = 0.0  # the first look must not wait: the run may have ended long ago
    while True:
        fresh = await _live(run_id, last, block)
        gap = bool(fresh) and fresh[0][0] != last + 1
        if not fresh or gap:
            fresh = await in_thread(stored_events, run_id, after=last)
        for seq, event in fresh:
            if seq != last + 1:
                break  # live ran ahead of the log; the missing part is being committed
            yield seq, event
            last = seq
            if isinstance(event, RunFinished):
                return
        if gap and not fresh:
            await asyncio.sleep(POLL_S / 5)  # the missing rows are on their way to the log
        elif not fresh:
            if block and await in_thread(_is_over, run_id, last):
                return
            yield None
        block = IDLE_S


async def _live(run_id: UUID, last: int, block: float) -> list[Numbered]:
    try:
        reply = await redis_for_loop().xread(
            {stream_key(run_id): f"{last}-0"}, count=500, block=int(block * 1000) or None
        )
    except (RedisError, OSError) as exc:
        logger.warning("live events are away: %s", type(exc).__name__)
        await asyncio.sleep(min(block, POLL_S))
        return []
    return [_parse(entry) for _, entries in reply for entry in entries]


def _parse(entry: tuple[bytes, dict[bytes, bytes]]) -> tuple[int, Event]:
    entry_id, fields = entry
    return int(entry_id.split(b"-")[0]), from_dict(orjson.loads(fields[b"e"]))


def _is_over(run_id: UUID, last: int) -> bool:
    """The run has ended and the log holds nothing more: only for runs whose log was pruned."""
    return is_finished(run_id) and not stored_events(run_id, after=last)
