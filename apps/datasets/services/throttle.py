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

from model_runtime.types import CallLimits

logger = logging.getLogger(__name__)

PREFIX = "skep:calls:"
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local wait = tonumber(redis.call('GET', KEYS[3]) or '0') - now
local rates, needs, left = {tonumber(ARGV[1]), tonumber(ARGV[2])}, {1, tonumber(ARGV[3])}, {}
for i = 1, 2 do
  if rates[i] > 0 then
    local size = math.max(rates[i] / 6, 1)
    local need = math.min(needs[i], size)
    local held = redis.call('HMGET', KEYS[i], 'left', 'at')
    left[i] = math.min(size, tonumber(held[1] or size) + (now - tonumber(held[2] or now)) * rates[i] / 60)
    if left[i] < need then wait = math.max(wait, (need - left[i]) * 60 / rates[i]) end
  end
end
if wait > 0 then return tostring(wait) end
for i = 1, 2 do
  if rates[i] > 0 then
    redis.call('HSET', KEYS[i], 'left', tostring(left[i] - needs[i]), 'at', tostring(now))
    redis.call('EXPIRE', KEYS[i], 3600)
  end
end
return '0'
"""


def take(limits: CallLimits, *, tokens: float) -> float:
    """Take one request and so many tokens: 0 when they were there, else the seconds until they will be.

    A bucket holds ten seconds' worth. A call larger than that is let through when the bucket is full, and leaves a
    debt that the following calls wait for.
    """
    keys = [f"{PREFIX}{limits.key}:{part}" for part in ("requests", "tokens", "closed")]
    try:
        waited: Any = _client(os.getpid()).eval(
            _TAKE, 3, *keys, str(limits.requests_per_minute), str(limits.tokens_per_minute), str(max(1.0, tokens))
        )
    except redis.RedisError as exc:
        logger.warning("calls to a provider are not counted: %s", type(exc).__name__)
        return 0.0
    return float(waited)


def close_for(limits: CallLimits, *, seconds: float) -> None:
    """Nobody calls before so many seconds have passed: the provider said so."""
    client = _client(os.getpid())
    try:
        clock: Any = client.time()
        now, micros = clock
        until = now + micros / 1e6 + seconds
        client.set(f"{PREFIX}{limits.key}:closed", str(until), px=max(1, int(seconds * 1000)))
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
