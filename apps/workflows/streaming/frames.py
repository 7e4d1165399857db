"""The frames of a run with their positions: what SSE and WebSocket both send."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from apps.workflows.engine.run_info import RunInfo
from apps.workflows.streaming.follow import follow
from apps.workflows.streaming.wire import Encoder, Frame, parse_position, position

PING_S = 10.0


async def frames(
    info: RunInfo, *, last_event_id: str | None = None, detailed: bool = True, is_new: bool = False
) -> AsyncIterator[tuple[str, Frame] | None]:
    """Yield `(position, frame)` after the given position to the end of the run; None where a ping is due.

    The encoder carries state, so a follower that comes back reads the log from the start and is sent only the rest.
    """
    seen = parse_position(last_event_id)
    encoder = Encoder(info, detailed=detailed)
    spoken = time.monotonic()
    async with aclosing(follow(info.run_id, is_new=is_new)) as events:  # type: ignore[type-var]
        async for item in events:
            if item is None:
                if time.monotonic() - spoken >= PING_S:
                    spoken = time.monotonic()
                    yield None
                continue
            seq, event = item
            for part, frame in enumerate(encoder.encode(event), start=1):
                if (seq, part) > seen:
                    spoken = time.monotonic()
                    yield position(seq, part), frame


async def outcome(info: RunInfo, *, is_new: bool = False) -> Encoder:
    """Wait for the end of a run; the encoder then has its blocking body or its failure."""
    encoder = Encoder(info)
    async with aclosing(follow(info.run_id, is_new=is_new)) as events:  # type: ignore[type-var]
        async for item in events:
            if item is not None:
                encoder.encode(item[1])
    return encoder
