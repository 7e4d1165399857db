"""Stopping a run, wherever it is executed."""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from django.utils import timezone

from apps.workflows.adapters.live import publish_now
from apps.workflows.models import Run
from apps.workflows.services.go_on import end_paused_run
from apps.workflows.services.lease import STOP_CHANNEL

logger = logging.getLogger(__name__)


def stop_run(run: Run) -> None:
    """Ask the process that executes the run to stop it. Harmless for one that has ended.

    The request is a row first, so it is not lost when Redis is away; Redis makes it take effect within milliseconds.
    """
    asked = Run.objects.filter(id=run.id, status=Run.Status.RUNNING).update(stop_requested_at=timezone.now())
    if not asked:
        if (ended := end_paused_run(run.id)) is not None:
            publish_now(run.id, *ended)
        return
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            client.publish(STOP_CHANNEL, str(run.id))
    except redis.RedisError as exc:
        logger.warning("stop of run %s waits for the next lease renewal: %s", run.id, type(exc).__name__)
