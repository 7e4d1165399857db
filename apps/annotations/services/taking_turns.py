"""Locks by name for what has no row yet: held until the transaction is over, however it ends."""

from __future__ import annotations

from django.db import connection

_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_TOGETHER = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"


def wait_for_turn(name: str) -> None:
    """Go on alone: nobody else has the name, alone or together. Within a transaction, before rows are locked."""
    _lock(_ALONE, name)


def share_turn(name: str) -> None:
    """Go on together with others who share the name, while nobody has it alone. Within a transaction."""
    _lock(_TOGETHER, name)


def _lock(statement: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [name])
