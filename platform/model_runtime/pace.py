"""How fast a provider may be called: buckets in Redis that all processes and machines share.

One pair of buckets (requests and tokens a minute) for each key of `CallLimits`. A provider that said "not before"
closes the door for everybody. Who calls brings the connection, so that waiting and failing stay its own affair.
"""

from __future__ import annotations

from typing import Any, Protocol

from model_runtime.types import CallLimits

PREFIX = "skep:calls:"
#: By the clock of Redis. A bucket holds ten seconds' worth. A call larger than that is let through when the bucket is
#: full, and leaves a debt.
TAKE = """
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
#: What was taken by estimate becomes what it was.
_CORRECT = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBYFLOAT', KEYS[1], 'left', ARGV[1]) end
"""
_CLOSE = """
local clock = redis.call('TIME')
redis.call('SET', KEYS[1], tostring(clock[1] + clock[2] / 1000000 + ARGV[1]), 'PX', math.ceil(ARGV[1] * 1000))
"""


class Connection(Protocol):
    """What is needed of an asynchronous Redis client."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any: ...


def keys_of(limits: CallLimits) -> list[str]:
    """The buckets of requests and of tokens, and the door."""
    return [f"{PREFIX}{limits.key}:{part}" for part in ("requests", "tokens", "closed")]


async def take(redis: Connection, limits: CallLimits, *, tokens: float) -> float:
    """Take one request and so many tokens: 0 when they were there, else the seconds until they will be."""
    rates = (str(limits.requests_per_minute), str(limits.tokens_per_minute))
    return float(await redis.eval(TAKE, 3, *keys_of(limits), *rates, str(max(1.0, tokens))))


async def correct(redis: Connection, limits: CallLimits, *, taken: float, used: float) -> None:
    """The call has used another number of tokens than was taken for it."""
    if limits.tokens_per_minute and taken != used:
        await redis.eval(_CORRECT, 1, keys_of(limits)[1], str(taken - used))


async def close_for(redis: Connection, limits: CallLimits, *, seconds: float) -> None:
    """Nobody calls before so many seconds have passed: the provider said so."""
    if seconds > 0:
        await redis.eval(_CLOSE, 1, keys_of(limits)[2], str(seconds))
