"""Database connections beside an event loop: short visits on threads, given back at once; several writes at once."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model
from django.db.models.sql import InsertQuery

P = ParamSpec("P")
T = TypeVar("T")
Statement = tuple[str, Sequence[Any]]

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


def insertion(row: Model) -> Statement:
    """The statement that inserts a new row as `save` would; its key must be made in Python."""
    query = InsertQuery(type(row))
    query.insert_values(row._meta.local_concrete_fields, [row])
    ((sql, values),) = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return sql, values


def execute_together(*statements: Statement) -> None:
    """Execute several writes as one statement: all or nothing, in one trip to the database.

    Foreign keys among the new rows are checked when all of them are there.
    """
    *others, (last, _) = statements
    named = ", ".join(f"step_{number} AS ({sql})" for number, (sql, _) in enumerate(others))
    values = [value for _, given in statements for value in given]
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(f"WITH {named} {last}" if named else last, values)
