"""Keeps this process's runs alive in the eyes of others, and hears when one is to stop."""

from __future__ import annotations

import asyncio
import logging
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
        """The event that tells a run to stop; renewing starts with the first one."""
        self._stops.setdefault(run_id, asyncio.Event())
        if not self._duties:
            loop = asyncio.get_running_loop()
            self._duties = [loop.create_task(self._renew()), loop.create_task(self._listen())]
        return self._stops[run_id]

    def release(self, run_id: UUID) -> None:
        """The run has ended; with the last one, renewing and listening end too."""
        self._stops.pop(run_id, None)
        if not self._stops:
            for duty in self._duties:
                duty.cancel()
            self._duties = []

    def run_ids(self) -> set[UUID]:
        return set(self._stops)

    def _stop(self, run_id: UUID) -> None:
        if run_id in self._stops:
            self._stops[run_id].set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                for run_id in await in_thread(_renew_leases, list(self._stops)):
                    self._stop(run_id)
            except DatabaseError as exc:
                logger.warning("leases could not be renewed: %s", type(exc).__name__)

    async def _listen(self) -> None:
        """Hear stop requests from any process at once; while Redis is away, renewing finds them."""
        while True:
            try:
                async with redis_for_loop().pubsub() as channel:
                    await channel.subscribe(STOP_CHANNEL)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._stop(UUID(message["data"].decode()))
            except (RedisError, OSError):
                await asyncio.sleep(1)


def _renew_leases(run_ids: list[UUID]) -> list[UUID]:
    """Renew, and return the runs that somebody wants stopped."""
    mine = Run.objects.filter(id__in=run_ids, lease_owner=OWNER, status=Run.Status.RUNNING)
    mine.update(lease_until=timezone.now() + LEASE)
    return list(mine.filter(stop_requested_at__isnull=False).values_list("id", flat=True))
