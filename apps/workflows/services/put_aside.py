"""Putting a run aside that waits for people: its questions become rows, and no process holds it any more."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from apps.workflows.adapters.event_log import RunTaken
from apps.workflows.adapters.run_log import RunLog
from apps.workflows.engine.events import NodeWaiting, RunPaused
from apps.workflows.models import Message, Run, Wait
from apps.workflows.models.wait import new_token
from apps.workflows.selectors.events import stored_events
from support.database import in_thread
from support.jobs import enqueue_on_commit


async def put_aside(run: Run, log: RunLog, event: RunPaused) -> None:
    """Commit the pause, then show it. Raises RunTaken when another process has the run, NotLogged."""
    await log.pause(event)
    await in_thread(_put_aside, run, log.epoch, log.summary.answer)
    await log.show(event)


@transaction.atomic
def _put_aside(run: Run, epoch: int, answer: str) -> None:
    paused = Run.objects.filter(id=run.id, epoch=epoch, status=Run.Status.RUNNING)
    if not paused.update(status=Run.Status.PAUSED, lease_owner="", lease_until=None):
        raise RunTaken("another process has taken the run over")
    asked = [event for _, event in stored_events(run.id) if isinstance(event, NodeWaiting)]
    Wait.objects.bulk_create(
        [
            Wait(
                team_id=run.team_id,
                run_id=run.id,
                frame=event.frame,
                node_id=event.node_id,
                asks=dict(event.asks),
                token=str(event.asks.get("token") or new_token()),
                delivery=Wait.Delivery.DUE if event.asks.get("letters") else Wait.Delivery.NONE,
                until=None if event.until is None else dt.datetime.fromtimestamp(event.until, dt.UTC),
            )
            for event in asked
        ],
        ignore_conflicts=True,
    )
    if Wait.objects.filter(run_id=run.id, delivery=Wait.Delivery.DUE).exists():
        enqueue_on_commit("workflows.deliver_questions")
    Message.objects.filter(run_id=run.id).update(answer=answer)
    # A reply may have come while other branches were still at work.
    if Wait.objects.filter(run_id=run.id, reply__isnull=False, seen=False).exists():
        enqueue_on_commit("workflows.go_on_with_run", str(run.id))
