"""Database connections beside an event loop: short visits on threads, given back at once."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

# Fewer threads than the pool has connections: a thread that waits for one would hold up the others.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="database")


def release_connections() -> None:
    """Give this thread's connections back to the pool.

    A streaming response lives for minutes while the request's thread still owns a connection; a dozen of them would
    empty the pool. Inside a transaction (and so in an ordinary test case) the connection must stay.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that uses the ORM on a thread, and give its connection back.

    Unlike `sync_to_async` it is not tied to a request, so work that outlives its request may use it.
    """
    return await asyncio.get_running_loop().run_in_executor(
        _threads, functools.partial(_visit, functools.partial(function, *args, **kwargs))
    )


def _visit(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        release_connections()
