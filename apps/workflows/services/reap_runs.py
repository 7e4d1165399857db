"""Closing runs whose process died, so that none stays "running" for ever."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.workflows.adapters.live import live_tail, publish_now
from apps.workflows.adapters.log_store import Portion, store
from apps.workflows.engine.events import RunFinished
from apps.workflows.engine.journal import Numbered, encode
from apps.workflows.engine.summary import RunSummary
from apps.workflows.models import Run
from apps.workflows.selectors.events import stored_events
from apps.workflows.services.finish_run import ending_of
from apps.workflows.services.leave import interrupted
from support.jobs import enqueue_on_commit

logger = logging.getLogger(__name__)


def reap_lost_runs(*, limit: int = 100) -> int:
    """Close runs whose lease has run out; returns how many.

    What their followers already saw is saved from Redis first, so the log ends where the readers are.
    """
    lost = Run.objects.filter(status=Run.Status.RUNNING, lease_until__lt=timezone.now()).values_list("id", flat=True)
    return sum(_reap_safely(run_id) for run_id in lost[:limit])


def _reap_safely(run_id: UUID) -> bool:
    try:
        ended = _reap(run_id)
    except DatabaseError as exc:
        logger.warning("run %s could not be closed and is tried again: %s", run_id, type(exc).__name__)
        return False
    if ended is None:
        return False
    logger.warning("run %s was closed: its process is gone", run_id)
    publish_now(run_id, *ended)
    return True


@transaction.atomic
def _reap(run_id: UUID) -> Numbered | None:
    """The run's last event, or None when somebody else sees to it."""
    run = Run.objects.select_for_update(skip_locked=True).filter(id=run_id, status=Run.Status.RUNNING).first()
    if run is None or run.lease_until is None or run.lease_until > timezone.now():
        return None
    events = stored_events(run.id)
    stored = events[-1][0] if events else 0
    salvaged = live_tail(run.id, after=stored)
    last = salvaged[-1][0] if salvaged else stored
    summary = RunSummary()
    for _, event in [*events, *salvaged]:
        summary.add(event)
    added = list(salvaged)
    if summary.status is None:
        added.append((last + 1, interrupted(run.started_at, stopped=run.stop_requested_at is not None)))
        summary.add(added[-1][1])
    # The old owner may only be slow: a new epoch keeps it from writing over this.
    Run.objects.filter(id=run.id).update(epoch=run.epoch + 1)
    store([Portion(run_id=run.id, epoch=run.epoch + 1, rows=encode(added), ending=ending_of(summary))])
    enqueue_on_commit("traces.rebuild", str(run.id))
    return added[-1] if added and isinstance(added[-1][1], RunFinished) else None
