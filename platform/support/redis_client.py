"""One asynchronous Redis client per event loop."""

from __future__ import annotations

import asyncio
import weakref

import redis.asyncio as redis
from django.conf import settings

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.Redis] = weakref.WeakKeyDictionary()


def redis_for_loop() -> redis.Redis:
    """The running loop's client. Connections belong to a loop, so a client is never shared between two.

    The pool is wide because every follower of a run holds one connection while it waits.
    """
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = redis.Redis.from_url(
            settings.REDIS_URL, max_connections=5000, socket_connect_timeout=2, health_check_interval=30, protocol=2
        )
        _clients[loop] = client
    return client


async def close_redis() -> None:
    """Close the running loop's client: for loops that end before the process does."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
