"""The stream by which an open workbench hears that something changed in its queue, as server-sent events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import redis
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_safe

from apps.annotations.admin.pages.workbench import opened
from apps.annotations.services.queue_news import channel_of
from support.database import release_connections
from support.redis_client import redis_for_loop

logger = logging.getLogger(__name__)

_NEWS: Final = b"data: {}\n\n"
_PING: Final = b": still here\n\n"
#: Whoever lost the stream comes back after so many milliseconds, and looks at once.
_BEGIN: Final = b"retry: 2000\n\n" + _NEWS
_SILENCE_S: Final = 4.0


@require_safe
def news(request: HttpRequest, queue_id: UUID) -> StreamingHttpResponse:
    """Something for whenever there is something; what it is, the page asks for."""
    queue = opened(request, queue_id)
    release_connections()  # what follows waits for others, not for the database
    response = StreamingHttpResponse(_stream(queue.id), content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(queue_id: UUID) -> AsyncIterator[bytes]:
    try:
        async with redis_for_loop().pubsub(ignore_subscribe_messages=True) as inbox:
            await inbox.subscribe(channel_of(queue_id))
            # What came up between page and stream is not missed: the page looks once it is connected.
            yield _BEGIN
            while True:
                told = await inbox.get_message(timeout=_SILENCE_S)
                yield _PING if told is None else _NEWS
    except redis.RedisError as exc:
        logger.warning("a workbench hears nothing for now: %s", type(exc).__name__)
