"""Live events: what happens in a run goes through a Redis stream to whoever follows it, in any process.

Redis is the quick way, never the truth: when it is away, followers read the log.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
import redis
from django.conf import settings
from redis.exceptions import RedisError

from apps.workflows.engine.events import Event, RunFinished
from apps.workflows.engine.journal import Numbered, body_of, stream_key
from apps.workflows.selectors.events import live_event
from support.redis_client import redis_for_loop

logger = logging.getLogger(__name__)

KEEP_RUNNING_S = 24 * 3600
KEEP_FINISHED_S = 15 * 60
#: What happens within this time goes out together. It is no time for readers, and lets the log go first.
LINGER_S = 0.002
#: So that no call keeps Redis from others for long.
MOST_AT_ONCE = 500
_Body = Mapping[str, Any]
_Item = tuple[UUID, int, _Body]
#: One answer for any number of events. An event that is there already stays.
_SEND = """
for i = #KEYS + 1, #ARGV, 3 do redis.pcall('XADD', KEYS[tonumber(ARGV[i])], ARGV[i + 1], 'e', ARGV[i + 2]) end
for i, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[i]) end
"""


class LivePublisher:
    """Sends one loop's events to Redis in order, many per round trip."""

    def __init__(self) -> None:
        self._pending: list[_Item] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._is_down = False
        self._lingering: asyncio.TimerHandle | None = None

    def publish(self, run_id: UUID, seq: int, body: _Body) -> None:
        """Queue one event as `body_of` gives it; returns at once."""
        self._pending.append((run_id, seq, body))
        self._idle.clear()
        loop = asyncio.get_running_loop()
        if self._lingering is None:
            self._lingering = loop.call_later(LINGER_S, self._wake.set)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._serve(), name="live-publisher")

    async def drained(self) -> None:
        """Wait until everything queued so far has been sent (or given up)."""
        self._wake.set()
        await self._idle.wait()

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._lingering is not None:
                self._lingering.cancel()
                self._lingering = None
            items, self._pending = self._pending, []
            try:
                for first in range(0, len(items), MOST_AT_ONCE):
                    await self._send(items[first : first + MOST_AT_ONCE])
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
        keep: dict[UUID, int] = {}
        for run_id, _, body in items:
            keep[run_id] = KEEP_FINISHED_S if body["kind"] == RunFinished.kind else KEEP_RUNNING_S
        numbers = {run_id: number for number, run_id in enumerate(keep, start=1)}
        given: list[int | str | bytes] = [*keep.values()]
        for run_id, seq, body in items:
            given += (numbers[run_id], f"{seq}-0", orjson.dumps(body))
        await redis_for_loop().register_script(_SEND)(keys=[stream_key(run_id) for run_id in keep], args=given)


def publish_now(run_id: UUID, seq: int, event: Event) -> None:
    """Send one event without a loop: for whoever ends a run from outside."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.xadd(stream_key(run_id), {"e": orjson.dumps(body_of(event))}, id=f"{seq}-0")
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


_publishers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LivePublisher] = weakref.WeakKeyDictionary()


def live_publisher() -> LivePublisher:
    """The running loop's publisher."""
    loop = asyncio.get_running_loop()
    if loop not in _publishers:
        _publishers[loop] = LivePublisher()
    return _publishers[loop]
