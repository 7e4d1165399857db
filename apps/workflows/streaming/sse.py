"""Server-sent events: a small follower of the event log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

import orjson
from django.http import StreamingHttpResponse

from apps.workflows.engine.run_info import RunInfo
from apps.workflows.streaming.frames import frames
from apps.workflows.streaming.wire import Frame, broken_frame

logger = logging.getLogger(__name__)

PING = b"event: ping\n\n"
_LINE_MARKS = [(mark.encode(), f"\\u{ord(mark):04x}".encode()) for mark in ("\x85", "\u2028", "\u2029")]


def sse_response(
    info: RunInfo, *, last_event_id: str | None = None, detailed: bool = True, is_new: bool = False
) -> StreamingHttpResponse:
    """The run as an event stream. A client that leaves does not stop the run; one that returns misses nothing."""
    response = StreamingHttpResponse(
        _stream(info, last_event_id, detailed, is_new), content_type="text/event-stream; charset=utf-8"
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(info: RunInfo, last_event_id: str | None, detailed: bool, is_new: bool) -> AsyncIterator[bytes]:
    source = frames(info, last_event_id=last_event_id, detailed=detailed, is_new=is_new)
    try:
        async with aclosing(source) as items:  # type: ignore[type-var]
            async for item in items:
                yield PING if item is None else _message(*item)
    except Exception:  # border: the client must hear that its stream broke, and may come back by Last-Event-ID
        logger.exception("the stream of run %s broke", info.run_id)
        yield b"data: " + _one_line(broken_frame(info)) + b"\n\n"


def _message(position: str, frame: Frame) -> bytes:
    return b"id: " + position.encode() + b"\ndata: " + _one_line(frame) + b"\n\n"


def _one_line(frame: Frame) -> bytes:
    """JSON on one line, also for the many clients that split lines wherever Unicode would."""
    body = orjson.dumps(frame)
    for mark, escape in _LINE_MARKS:
        if mark in body:
            body = body.replace(mark, escape)
    return body
