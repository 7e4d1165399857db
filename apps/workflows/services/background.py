"""Background runs: accepted like any other, then owned and executed by a worker. Nobody waits for them."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.workflows.services.start_run import Accepted
from support.jobs import enqueue

logger = logging.getLogger(__name__)

TASK = "workflows.go_on_with_run"


def hand_to_worker(accepted: Accepted) -> None:
    """Tell the workers of a run that was accepted `for_worker`, once its rows are committed.

    The rows are what counts. A message that is lost costs time only: whoever looks for runs that nobody executes finds
    this one when its first lease is over.
    """
    transaction.on_commit(lambda: _send(accepted.run.id))


def _send(run_id: UUID) -> None:
    try:
        enqueue(TASK, str(run_id))
    except (OperationalError, RedisError, OSError) as exc:
        logger.warning("the workers could not be told of run %s (%s); it is found later", run_id, type(exc).__name__)
