"""The stream behind the page of a run that goes on: changes of its tree, some at a time, as server-sent events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any, Final

import orjson
from django.http import StreamingHttpResponse

from apps.traces.masking.masker import Masker
from apps.traces.recorder.live import LiveTree
from apps.traces.selectors.policies import policies_of
from apps.workflows.engine.journal import Numbered
from apps.workflows.hooks import RunInfo
from apps.workflows.streaming.follow import follow
from support.database import release_connections

logger = logging.getLogger(__name__)

#: What happens within so many seconds is told at once: nobody sees more than some changes a second.
TOGETHER_S: Final = 0.12
_MOST_WAITING = 2_000
_PING: Final = b": still here\n\n"
#: A reader whose connection broke comes back after so many milliseconds, and is told everything again.
_RETRY: Final = b"retry: 1500\n\n"
_END: Final = object()


def live_response(run: RunInfo) -> StreamingHttpResponse:
    """The stream of a run. Whoever comes back is told everything again: rows have keys, so nothing is doubled."""
    masker = masker_of(run)
    release_connections()  # what follows waits for the run, not for the database
    response = StreamingHttpResponse(_stream(run, masker), content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def masker_of(run: RunInfo) -> Masker:
    """What is taken out of all that an operator sees of a run."""
    return policies_of(run.team_id).of(run.application_id).masker


async def _stream(run: RunInfo, masker: Masker) -> AsyncIterator[bytes]:
    yield _RETRY + b"event: begin\ndata: {}\n\n"
    try:
        async with aclosing(_changes(run, masker)) as changes:  # type: ignore[type-var]
            async for change in changes:
                yield b"data: " + orjson.dumps(change) + b"\n\n" if change else _PING
    except Exception:  # border: the reader comes back by itself, and is told everything again
        logger.exception("the live view of run %s broke", run.run_id)
        return
    yield b"event: end\ndata: {}\n\n"


async def _changes(run: RunInfo, masker: Masker) -> AsyncIterator[dict[str, Any]]:
    tree = LiveTree(run, masker)
    async with aclosing(_together(run)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            for _seq, event in batch:
                tree.take(event)
            change = tree.told().as_json()
            if tree.began_us is not None and change:
                change["now"] = max(0, time.time_ns() // 1_000 - tree.began_us)
            yield change


async def _together(run: RunInfo) -> AsyncIterator[list[Numbered]]:
    """The run's events, those that came meanwhile at once; an empty list while nothing comes."""
    waiting: asyncio.Queue[Any] = asyncio.Queue(_MOST_WAITING)
    reader = asyncio.create_task(_read(run, waiting))
    try:
        is_over = False
        while not is_over:
            batch = [await waiting.get()]
            while not waiting.empty():
                batch.append(waiting.get_nowait())
            is_over = _END in batch
            yield [each for each in batch if each is not None and each is not _END]
            await asyncio.sleep(0 if is_over else TOGETHER_S)
        await reader  # raises what it broke with
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader


async def _read(run: RunInfo, waiting: asyncio.Queue[Any]) -> None:
    try:
        async with aclosing(follow(run.run_id)) as events:  # type: ignore[type-var]
            async for item in events:
                await waiting.put(item)
    finally:
        await waiting.put(_END)
