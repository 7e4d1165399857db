"""Keeps this process's runs alive in the eyes of others, and hears when one is to stop."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from apps.workflows.engine.summary import RunSummary
from apps.workflows.models import Run
from apps.workflows.services.start_run import LEASE, OWNER
from support.database import in_thread
from support.redis_client import redis_for_loop

logger = logging.getLogger(__name__)

STOP_CHANNEL = "skep:stop"
RENEW_S = 10.0
RETRY_S = 1.0
_LISTEN_S = 3.0  # below the client's socket timeout


class LeaseKeeper:
    """One per event loop. Renews the leases of all its runs together and sets their stop events."""

    def __init__(self) -> None:
        self._stops: dict[UUID, asyncio.Event] = {}
        self._tasks: dict[UUID, asyncio.Task[RunSummary]] = {}
        self._duties: list[asyncio.Task[None]] = []

    def adopt(self, run_id: UUID, task: asyncio.Task[RunSummary]) -> None:
        """Hold a launched run's task: the loop itself keeps only weak references."""
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))

    def stop_event(self, run_id: UUID) -> asyncio.Event:
        """The event that tells a run to stop; the first one starts the renewing, which goes on while the loop does."""
        self._stops.setdefault(run_id, asyncio.Event())
        if not self._duties:
            loop = asyncio.get_running_loop()
            self._duties = [loop.create_task(self._renew()), loop.create_task(self._listen())]
        return self._stops[run_id]

    def release(self, run_id: UUID) -> None:
        """The run has ended."""
        self._stops.pop(run_id, None)

    def run_ids(self) -> set[UUID]:
        """The runs that this loop executes."""
        return set(self._stops)

    def _stop(self, run_id: UUID) -> None:
        if run_id in self._stops:
            self._stops[run_id].set()

    async def _renew(self) -> None:
        pause = RENEW_S
        while True:
            await asyncio.sleep(pause)
            try:
                await self._look(_renew_leases)
                pause = RENEW_S
            except (DatabaseError, OSError) as exc:
                logger.warning("leases could not be renewed: %s", type(exc).__name__)
                pause = RETRY_S

    async def _look(self, find: Callable[[list[UUID]], list[UUID]]) -> None:
        mine = list(self._stops)
        if mine:
            for run_id in await in_thread(find, mine):
                self._stop(run_id)

    async def _listen(self) -> None:
        """Hear stop requests from any process at once; while Redis is away, renewing finds them."""
        while True:
            try:
                async with redis_for_loop().pubsub() as channel:
                    await channel.subscribe(STOP_CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=_LISTEN_S)
                        if message is None:
                            continue
                        if message["type"] == "subscribe":
                            await self._look(_to_be_stopped)  # asked for before we listened
                        elif message["type"] == "message":
                            self._stop(UUID(message["data"].decode()))
            except (RedisError, OSError, DatabaseError):
                await asyncio.sleep(RETRY_S)
            except ValueError:
                logger.warning("somebody sent nonsense to %s", STOP_CHANNEL)


_keepers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LeaseKeeper] = weakref.WeakKeyDictionary()


def keeper() -> LeaseKeeper:
    """The running loop's lease keeper."""
    loop = asyncio.get_running_loop()
    if loop not in _keepers:
        _keepers[loop] = LeaseKeeper()
    return _keepers[loop]


def _renew_leases(run_ids: list[UUID]) -> list[UUID]:
    """Renew, and return the runs that must not go on: somebody wants them stopped, or has closed them."""
    mine = Run.objects.filter(id__in=run_ids, lease_owner=OWNER, status=Run.Status.RUNNING)
    mine.update(lease_until=timezone.now() + LEASE)
    going_on = set(mine.filter(stop_requested_at=None).values_list("id", flat=True))
    return [run_id for run_id in run_ids if run_id not in going_on]


def _to_be_stopped(run_ids: list[UUID]) -> list[UUID]:
    return list(Run.objects.filter(id__in=run_ids, stop_requested_at__isnull=False).values_list("id", flat=True))
