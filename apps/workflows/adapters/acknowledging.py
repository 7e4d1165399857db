"""Answers of a thread to whoever waits for it: those who wait on one event loop are told together, in one wake-up."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Self

Done = Future[None] | asyncio.Future[None]
_Answer = tuple[asyncio.Future[None], Exception | None]


class Acknowledgements:
    """Gathers answers, and gives them when its block ends."""

    def __init__(self) -> None:
        self._by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for loop, answers in self._by_loop.items():
            with suppress(RuntimeError):  # the loop has ended, and whoever waited with it
                loop.call_soon_threadsafe(_tell, answers)

    def give(self, done: Done | None, error: Exception | None = None) -> None:
        """Tell whoever waits that it is done, or why it is not."""
        if isinstance(done, asyncio.Future):
            self._by_loop[done.get_loop()].append((done, error))
        elif done is not None and not done.done():
            _settle(done, error)


def _tell(answers: list[_Answer]) -> None:
    for done, error in answers:
        if not done.done():
            _settle(done, error)


def _settle(done: Done, error: Exception | None) -> None:
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
