"""One asynchronous Redis client per event loop."""

from __future__ import annotations

import asyncio
import weakref

import redis.asyncio as redis
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

#: Longer than any command waits on purpose (a blocking read), shorter than a reader's patience with a hanging server.
TIMEOUT_S = 5.0

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.Redis] = weakref.WeakKeyDictionary()


def redis_for_loop() -> redis.Redis:
    """The running loop's client. Connections belong to a loop, so a client is never shared between two.

    The pool is wide because every follower of a run holds one connection while it waits. A command is tried again once
    at once, on a new connection: that heals a restart of Redis, and while Redis is away nobody waits for it.
    """
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = redis.Redis.from_url(
            settings.REDIS_URL,
            max_connections=5000,
            socket_connect_timeout=2,
            socket_timeout=TIMEOUT_S,
            health_check_interval=30,
            protocol=2,
            retry=Retry(NoBackoff(), 1),
        )
        _clients[loop] = client
    return client


async def close_redis() -> None:
    """Close the running loop's client: for loops that end before the process does."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
