"""How fast a provider may be called: buckets in Redis that the workers of all machines share.

One pair of buckets (requests and tokens a minute) for each credential and model. A provider that said "not before"
closes the door for everybody. Without Redis nobody is held back: the provider's own refusals still are obeyed.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Any

import redis
from django.conf import settings

from model_runtime.pace import PREFIX, TAKE, keys_of
from model_runtime.types import CallLimits

logger = logging.getLogger(__name__)


def take(limits: CallLimits, *, tokens: float) -> float:
    """Take one request and so many tokens: 0 when they were there, else the seconds until they will be.

    A bucket holds ten seconds' worth. A call larger than that is let through when the bucket is full, and leaves a
    debt that the following calls wait for.
    """
    try:
        waited: Any = _client(os.getpid()).eval(
            TAKE,
            3,
            *keys_of(limits),
            str(limits.requests_per_minute),
            str(limits.tokens_per_minute),
            str(max(1.0, tokens)),
        )
    except redis.RedisError as exc:
        logger.warning("calls to a provider are not counted: %s", type(exc).__name__)
        return 0.0
    return float(waited)


def is_first(what: str, *, seconds: float) -> bool:
    """Whether nobody asked for this within so many seconds; nobody is the first while Redis is away."""
    try:
        return bool(_client(os.getpid()).set(f"{PREFIX}first:{what}", "1", nx=True, ex=max(1, round(seconds))))
    except redis.RedisError:
        return False


def close_for(limits: CallLimits, *, seconds: float) -> None:
    """Nobody calls before so many seconds have passed: the provider said so."""
    client = _client(os.getpid())
    try:
        clock: Any = client.time()
        now, micros = clock
        until = now + micros / 1e6 + seconds
        client.set(keys_of(limits)[2], str(until), px=max(1, int(seconds * 1000)))
    except redis.RedisError as exc:
        logger.warning("the pause of a provider is not shared: %s", type(exc).__name__)


def least_recently_served(names: list[str]) -> list[str]:
    """The names in the order in which they were served, the one that waited longest first; marks nothing."""
    try:
        served: Any = _client(os.getpid()).hmget(f"{PREFIX}served", names)
    except redis.RedisError:
        return names
    when = {name: float(at or 0) for name, at in zip(names, served, strict=True)}
    return sorted(names, key=lambda name: (when[name], name))


def note_served(name: str) -> None:
    """Somebody of this name was served now."""
    client = _client(os.getpid())
    try:
        turn = client.incr(f"{PREFIX}turn")
        client.hset(f"{PREFIX}served", name, str(turn))
    except redis.RedisError:
        logger.debug("the order of service is not kept")


@cache
def _client(pid: int) -> redis.Redis:
    """One client per process: a forked worker must not share its parent's connections."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, decode_responses=True, protocol=2
    )
