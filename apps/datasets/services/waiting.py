"""Work that reads the database and, in between, waits for programs elsewhere: a model, a reranker, another console.

It is written once, as a generator that yields what is to be awaited, and run in one of two ways: on a thread that may
block, or beside an event loop, where a thread and a database connection are held only between two waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import async_to_sync

from support.database import in_thread

T = TypeVar("T")
Wait = Callable[[], Awaitable[Any]]
Steps = Generator[Wait, Any, T]


def run_here(steps: Steps[T]) -> T:
    """Run to the end on this thread, which blocks while there is something to wait for."""
    turn: Callable[[], Wait] = partial(next, steps)
    while True:
        is_over, found = _take(turn)
        if is_over:
            result: T = found
            return result
        try:
            turn = partial(steps.send, async_to_sync(_wait)(found))
        except Exception as exc:  # noqa: BLE001 - handed to the steps, which know what to do with it
            turn = partial(steps.throw, exc)


async def run_beside_loop(steps: Steps[T]) -> T:
    """Run to the end: the waits here, what lies between them on a thread that has connections."""
    turn: Callable[[], Wait] = partial(next, steps)
    while True:
        is_over, found = await in_thread(_take, turn)
        if is_over:
            result: T = found
            return result
        try:
            turn = partial(steps.send, await found())
        except Exception as exc:  # noqa: BLE001 - handed to the steps, which know what to do with it
            turn = partial(steps.throw, exc)


async def _wait(found: Wait) -> Any:
    return await found()


def _take(turn: Callable[[], Wait]) -> tuple[bool, Any]:
    """The next thing to wait for, or that there is none and the result: a StopIteration crosses no future."""
    try:
        return False, turn()
    except StopIteration as end:
        return True, end.value
