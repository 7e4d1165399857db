"""What became of traces in all processes together: counted in Redis, for the pages that say how the recorder does."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

KEY = "traces:recorder"
NAMES = ("written", "dropped", "refused", "retries")
_DROPPED_AT = "dropped_at"
#: A drop is news for so long.
RECENT = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderCounts:
    """Sums since Redis was new. A dropped trace is rebuilt later, a refused one is not."""

    written: int = 0
    dropped: int = 0
    refused: int = 0
    retries: int = 0
    dropped_at: dt.datetime | None = None

    @property
    def is_dropping(self) -> bool:
        """Whether traces were dropped a short while ago."""
        return self.dropped_at is not None and dt.datetime.now(dt.UTC) - self.dropped_at < RECENT


def add(counts: Mapping[str, int]) -> bool:
    """Add to the sums; False, and nothing raised, while Redis is away."""
    try:
        with _client() as client, client.pipeline(transaction=True) as pipe:
            for name, count in counts.items():
                pipe.hincrby(KEY, name, count)
            if counts.get("dropped"):
                pipe.hset(KEY, _DROPPED_AT, int(dt.datetime.now(dt.UTC).timestamp()))
            pipe.execute()
    except redis.RedisError as exc:
        logger.warning("the counts of the trace recorder could not be added: %s", type(exc).__name__)
        return False
    return True


def recorder_counts() -> RecorderCounts:
    """The sums. Raises redis.RedisError."""
    with _client() as client:
        found = {name.decode(): int(value) for name, value in client.hgetall(KEY).items()}
    at = found.get(_DROPPED_AT)
    return RecorderCounts(
        **{name: found.get(name, 0) for name in NAMES},
        dropped_at=dt.datetime.fromtimestamp(at, dt.UTC) if at else None,
    )


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
