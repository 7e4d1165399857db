"""Keeps a run's lease alive while its worker waits for something slow: a file, a provider, a lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import Error, connections
from django.utils import timezone

from apps.datasets.models import IndexRun
from apps.datasets.services.runs import LEASE

EVERY = LEASE.total_seconds() / 4


@contextmanager
def kept_alive(run_id: UUID, *, owner: str) -> Iterator[None]:
    """Renew the lease from a thread until the block ends; it dies with the process, so a killed worker is noticed.

    Only a lease that is this worker's is renewed, or that of a run in its batches, which are anybody's.
    """
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(run_id, owner, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _renew(run_id: UUID, owner: str, stop: threading.Event) -> None:
    while not stop.wait(EVERY):
        mine = IndexRun.objects.filter(id=run_id, finished_at=None, paused_at=None, lease_owner__in=["", owner])
        try:
            mine.exclude(stage=IndexRun.Stage.READ, lease_owner="").update(lease_until=timezone.now() + LEASE)
        except Error:
            pass  # the database is away: the next beat, or the sweep, finds it
        finally:
            connections.close_all()
