"""Server-sent events: a small follower of the event log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import orjson
from django.http import StreamingHttpResponse

from apps.workflows.engine.run_info import RunInfo
from apps.workflows.streaming.frames import frames

PING = b"event: ping\n\n"
PING_S = 10.0


def sse_response(info: RunInfo, *, last_event_id: str | None = None, detailed: bool = True) -> StreamingHttpResponse:
    """The run as an event stream. A client that leaves does not stop the run; one that returns misses nothing."""
    response = StreamingHttpResponse(
        _stream(info, last_event_id, detailed), content_type="text/event-stream; charset=utf-8"
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(info: RunInfo, last_event_id: str | None, detailed: bool) -> AsyncIterator[bytes]:
    written = time.monotonic()
    async for item in frames(info, last_event_id=last_event_id, detailed=detailed):
        if item is None:
            if time.monotonic() - written < PING_S:
                continue
            chunk = PING
        else:
            position, frame = item
            chunk = b"id: " + position.encode() + b"\ndata: " + orjson.dumps(frame) + b"\n\n"
        written = time.monotonic()
        yield chunk
