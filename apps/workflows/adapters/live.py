"""Live events: what happens in a run goes through a Redis stream to whoever follows it, in any process.

Redis is the quick way, never the truth: when it is away, followers read the log.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from uuid import UUID

import orjson
from redis.exceptions import RedisError

from apps.workflows.engine.events import Event, to_dict
from apps.workflows.engine.journal import storable, stream_key
from support.redis_client import redis_for_loop

logger = logging.getLogger(__name__)

KEEP_RUNNING_S = 24 * 3600
KEEP_FINISHED_S = 15 * 60
_Item = tuple[UUID, int, Event]


class LivePublisher:
    """Sends one loop's events to Redis in order, many per round trip."""

    def __init__(self) -> None:
        self._pending: list[_Item] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._is_down = False

    def publish(self, run_id: UUID, seq: int, event: Event) -> None:
        """Queue one event; returns at once."""
        self._pending.append((run_id, seq, event))
        self._idle.clear()
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._serve(), name="live-publisher")

    async def drained(self) -> None:
        """Wait until everything queued so far has been sent (or given up)."""
        await self._idle.wait()

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            items, self._pending = self._pending, []
            try:
                await self._send(items)
                self._is_down = False
            except (RedisError, OSError) as exc:
                if not self._is_down:
                    logger.warning("live events are off, followers read the log: %s", type(exc).__name__)
                self._is_down = True
            if not self._pending:
                self._idle.set()

    async def _send(self, items: list[_Item]) -> None:
        pipeline = redis_for_loop().pipeline(transaction=False)
        for run_id, seq, event in items:
            key = stream_key(run_id)
            body = orjson.dumps(storable(to_dict(event)))
            pipeline.xadd(key, {"e": body}, id=f"{seq}-0")
            if event.kind == "run_started":
                pipeline.expire(key, KEEP_RUNNING_S)
            elif event.kind == "run_finished":
                pipeline.expire(key, KEEP_FINISHED_S)
        await pipeline.execute(raise_on_error=False)


_publishers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LivePublisher] = weakref.WeakKeyDictionary()


def live_publisher() -> LivePublisher:
    """The running loop's publisher."""
    loop = asyncio.get_running_loop()
    if loop not in _publishers:
        _publishers[loop] = LivePublisher()
    return _publishers[loop]
