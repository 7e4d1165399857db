"""Database connections under ASGI: given back before a request starts to wait for something else."""

from __future__ import annotations

from django.db import connections


def release_connections() -> None:
    """Give this thread's connections back to the pool.

    A streaming response lives for minutes while the request's thread still owns a connection; ten of them would
    empty the pool. Inside a transaction (and so in an ordinary test case) the connection must stay.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
