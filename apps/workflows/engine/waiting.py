"""How an adapter says that a node only waits for a place: a worker that waits is not one that works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Waits(Protocol):
    """Something that is told when a node begins and ends to wait."""

    def waits(self) -> None: ...

    def goes_on(self) -> None: ...


#: The node that the current task works for; tasks that it starts work for it too.
at_work: ContextVar[Waits | None] = ContextVar("at_work", default=None)


@contextmanager
def standing_aside() -> Iterator[None]:
    """While this lasts, the run may have somebody else work in this worker's stead."""
    node = at_work.get()
    if node is None:
        yield
        return
    node.waits()
    try:
        yield
    finally:
        node.goes_on()
