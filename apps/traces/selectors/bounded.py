"""Reads that may not take for ever: a list that asks for too much is ended and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connections, transaction
from psycopg.errors import QueryCanceled

from support.errors import Unavailable


class TooSlow(Unavailable):
    """The database needed longer than a list may take, and the query was ended."""

    code = "query_too_slow"


@contextmanager
def bounded(seconds: float | None = None) -> Iterator[None]:
    """Queries on traces inside this block end after so long each (`TRACE_LIST_SECONDS`). Raises TooSlow."""
    limit = settings.TRACE_LIST_SECONDS if seconds is None else seconds
    connection = connections["traces"]
    try:
        with transaction.atomic(using="traces"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(limit * 1000))])
            yield
            # Where a transaction of the caller goes on, what comes after is not ours to bound.
            if connection.savepoint_ids:
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    except OperationalError as exc:
        if not isinstance(exc.__cause__, QueryCanceled):
            raise
        raise TooSlow(
            f"The query took longer than {limit:g} s and was ended. Ask for a shorter time range.", seconds=limit
        ) from exc
