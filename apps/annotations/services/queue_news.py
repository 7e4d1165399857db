"""Tells open workbenches that something changed in their queue, once it is committed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)


def channel_of(queue_id: UUID) -> str:
    """Where news of a queue are told. They say that there is something, not what."""
    return f"skep:queue:{queue_id}"


def announce(queue_ids: Iterable[UUID]) -> None:
    """Tell it after the current transaction. A workbench that hears nothing looks by itself from time to time."""
    channels = [channel_of(queue_id) for queue_id in queue_ids]
    if channels:
        transaction.on_commit(lambda: _publish(channels))


def _publish(channels: list[str]) -> None:
    try:
        for channel in channels:
            _client().publish(channel, b"")
    except redis.RedisError as exc:
        logger.warning("open workbenches were not told of news: %s", type(exc).__name__)


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
