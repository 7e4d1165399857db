"""Live events: what happens in a run goes through a Redis stream to whoever follows it, in any process.

Redis is the quick way, never the truth: when it is away, followers read the log.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import Any
from uuid import UUID

import orjson
import redis
from django.conf import settings
from redis.exceptions import RedisError

from apps.workflows.engine.events import Event, RunFinished, to_dict
from apps.workflows.engine.journal import Numbered, storable, stream_key
from apps.workflows.selectors.events import live_event
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
                self._lament(exc)
            except Exception:  # border: one event that cannot be sent must not silence the runs of this process
                logger.exception("live events could not be sent, followers read the log")
            finally:
                if not self._pending:
                    self._idle.set()

    def _lament(self, exc: Exception) -> None:
        if not self._is_down:
            logger.warning("live events are off, followers read the log: %s", type(exc).__name__)
        self._is_down = True

    async def _send(self, items: list[_Item]) -> None:
        pipeline = redis_for_loop().pipeline(transaction=False)
        keep: dict[str, int] = {}
        for run_id, seq, event in items:
            key = stream_key(run_id)
            pipeline.xadd(key, {"e": _body(event)}, id=f"{seq}-0")
            keep[key] = KEEP_FINISHED_S if isinstance(event, RunFinished) else KEEP_RUNNING_S
        for key, seconds in keep.items():
            pipeline.expire(key, seconds)
        await pipeline.execute(raise_on_error=False)


def publish_now(run_id: UUID, seq: int, event: Event) -> None:
    """Send one event without a loop: for whoever ends a run from outside."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.xadd(stream_key(run_id), {"e": _body(event)}, id=f"{seq}-0")
            client.expire(stream_key(run_id), KEEP_FINISHED_S)
    except RedisError as exc:
        logger.info("followers of run %s will find event %s in the log: %s", run_id, seq, type(exc).__name__)


def live_tail(run_id: UUID, *, after: int) -> list[Numbered]:
    """Events without a gap that were sent to followers after `after`; none when Redis has forgotten them."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            entries: Any = client.xrange(stream_key(run_id), min=f"({after}-0")
    except RedisError:
        return []
    tail: list[Numbered] = []
    for entry in entries:
        seq, event = live_event(entry)
        if seq != after + len(tail) + 1:
            break
        tail.append((seq, event))
    return tail


def _body(event: Event) -> bytes:
    return orjson.dumps(storable(to_dict(event)))


_publishers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LivePublisher] = weakref.WeakKeyDictionary()


def live_publisher() -> LivePublisher:
    """The running loop's publisher."""
    loop = asyncio.get_running_loop()
    if loop not in _publishers:
        _publishers[loop] = LivePublisher()
    return _publishers[loop]
