"""The frames of a run with their positions: what SSE and WebSocket both send."""

from __future__ import annotations

from collections.abc import AsyncIterator

from apps.workflows.engine.run_info import RunInfo
from apps.workflows.streaming.follow import follow
from apps.workflows.streaming.wire import Encoder, Frame, parse_position, position


async def frames(
    info: RunInfo, *, last_event_id: str | None = None, detailed: bool = True
) -> AsyncIterator[tuple[str, Frame] | None]:
    """Yield `(position, frame)` after the given position to the end of the run; None where a ping is due.

    The encoder carries state, so a follower that comes back reads the log from the start and is sent only the rest.
    """
    seen = parse_position(last_event_id)
    encoder = Encoder(info, detailed=detailed)
    async for item in follow(info.run_id):
        if item is None:
            yield None
            continue
        seq, event = item
        for part, frame in enumerate(encoder.encode(event), start=1):
            if (seq, part) > seen:
                yield position(seq, part), frame


async def outcome(info: RunInfo) -> Encoder:
    """Wait for the end of a run; the encoder then has its blocking body or its failure."""
    encoder = Encoder(info)
    async for item in follow(info.run_id):
        if item is not None:
            encoder.encode(item[1])
    return encoder
