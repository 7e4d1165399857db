"""Going on with runs: of processes that died, and of people who answered. What is done is not done again.

A run belongs to whoever holds its lease. Taking one over gives it a new epoch, so that the old owner, if it was only
slow, can write no more; then the run is executed over its own log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.workflows.adapters.live import live_tail, publish_now
from apps.workflows.adapters.log_store import Portion, store
from apps.workflows.engine.events import NodeAnswered, RunFinished
from apps.workflows.engine.journal import Numbered, encode
from apps.workflows.engine.summary import RunSummary
from apps.workflows.models import Run, Wait
from apps.workflows.selectors.events import stored_events
from apps.workflows.services.execute_run import GoesOn, run_to_end, settle
from apps.workflows.services.finish_run import ending_of
from apps.workflows.services.leave import interrupted
from apps.workflows.services.plans import CannotRun
from apps.workflows.services.start_run import LEASE, OWNER, Accepted, accepted_again
from support.database import in_thread
from support.jobs import enqueue_on_commit

logger = logging.getLogger(__name__)

#: A run that has had so many owners kills them.
MOST_OWNERS = 6
#: How many runs that wait for an owner are taken beside one.
BESIDE = 15
Reason = Literal["takeover", "answer", "fork", "start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run that is ours now, with all that its log holds."""

    run: Run
    goes_on: GoesOn


def go_on_with_runs(*, limit: int = 20) -> int:
    """Claim runs that nobody executes and take them to their end, or to their next question; how many there were."""
    claims = [claim for run_id in _waiting(limit) if (claim := claim_safely(run_id)) is not None]
    if claims:
        asyncio.run(_all(claims))
    return len(claims)


def go_on_with_run(run_id: UUID) -> bool:
    """The same for one; whether it was ours to take.

    With one that waited for its first owner, others that wait go along: runs wait for models most of the time, and a
    worker that executed one after the other would make a long line of them.
    """
    claim = claim_safely(run_id)
    if claim is None:
        return False
    claims = [claim]
    if claim.goes_on.reason == "start":
        claims += [more for each in _in_line(BESIDE) if (more := claim_safely(each)) is not None]
    asyncio.run(_all(claims))
    return True


async def go_on_here(run_id: UUID) -> bool:
    """Take one run that nobody executes to its end on this loop; whether it was to be had."""
    claim = await in_thread(claim_safely, run_id)
    if claim is None:
        return False
    await _one(claim)
    return True


def _in_line(limit: int) -> list[UUID]:
    """The runs that have waited longest for their first owner."""
    waiting = Run.objects.filter(status=Run.Status.RUNNING, epoch=0)
    return list(waiting.order_by("id").values_list("id", flat=True)[:limit])


def _waiting(limit: int) -> list[UUID]:
    """Runs whose lease has run out, and paused ones with a reply that they have not seen."""
    return list(_unclaimed().order_by("id").values_list("id", flat=True)[:limit])


def _unclaimed() -> QuerySet[Run]:
    answered = Exists(Wait.objects.filter(run=OuterRef("pk"), reply__isnull=False, seen=False))
    lost = Q(status=Run.Status.RUNNING, lease_until__lt=timezone.now())
    return Run.objects.filter(lost | (Q(status=Run.Status.PAUSED) & answered))


def _to_be_had() -> QuerySet[Run]:
    """The same, with runs that wait for their first owner: a worker has been told of each of them by itself."""
    return _unclaimed() | Run.objects.filter(status=Run.Status.RUNNING, epoch=0)


async def _all(claims: Iterable[Claim]) -> None:
    await asyncio.gather(*map(_one, claims))
    await settle()


async def _one(claim: Claim) -> None:
    level = logging.WARNING if claim.goes_on.reason == "takeover" else logging.INFO
    logger.log(level, "run %s goes on here: %s", claim.run.id, claim.goes_on.reason)
    try:
        accepted = await in_thread(_accepted_or_closed, claim)
        if accepted is not None:
            await run_to_end(accepted, goes_on=claim.goes_on)
    except Exception:  # border: one run that cannot go on must not take along those that can
        logger.exception("run %s could not go on; its lease will run out", claim.run.id)


def _accepted_or_closed(claim: Claim) -> Accepted | None:
    try:
        return accepted_again(claim.run)
    except CannotRun as exc:
        _close(claim.run, claim.goes_on.past, reason=exc.message)
        return None


def claim_safely(run_id: UUID) -> Claim | None:
    """Make a run ours; None when it is not to be had, has an end already, or may not go on."""
    try:
        claimed = _claim(run_id)
    except DatabaseError as exc:
        logger.warning("run %s could not be claimed and is tried again: %s", run_id, type(exc).__name__)
        return None
    if isinstance(claimed, Claim):
        return claimed
    if claimed is not None:
        publish_now(run_id, *claimed)
    return None


@transaction.atomic
def _claim(run_id: UUID) -> Claim | Numbered | None:
    """The claim; or the last event of a run that had to be closed; or None when somebody else sees to it."""
    run = _to_be_had().select_for_update(skip_locked=True, of=("self",)).filter(id=run_id).first()
    if run is None:
        return None
    events = stored_events(run.id)
    reason: Reason = "fork" if events else "start"
    if run.epoch:
        reason = "answer" if run.status == Run.Status.PAUSED else "takeover"
    last = events[-1][0] if events else 0
    salvaged = live_tail(run.id, after=last)  # what followers saw and the log has not
    run.epoch += 1
    Run.objects.filter(id=run.id).update(
        epoch=run.epoch, status=Run.Status.RUNNING, lease_owner=OWNER, lease_until=timezone.now() + LEASE
    )
    past = [*events, *salvaged]
    if (past and isinstance(past[-1][1], RunFinished)) or run.stop_requested_at or run.epoch > MOST_OWNERS:
        return _close_now(run, events, salvaged)
    replies = _unseen_replies(run, after=past[-1][0] if past else 0)
    store([Portion(run_id=run.id, epoch=run.epoch, rows=encode([*salvaged, *replies]))])
    transaction.on_commit(lambda: _show(run.id, replies))
    return Claim(run=run, goes_on=GoesOn(reason=reason, past=[*past, *replies]))


@transaction.atomic
def end_paused_run(run_id: UUID) -> Numbered | None:
    """Stop a run that waits for people; its last event, or None when it does not wait any more."""
    run = Run.objects.select_for_update().filter(id=run_id, status=Run.Status.PAUSED).first()
    if run is None:
        return None
    run.epoch += 1
    run.stop_requested_at = timezone.now()
    Run.objects.filter(id=run.id).update(
        epoch=run.epoch, status=Run.Status.RUNNING, stop_requested_at=run.stop_requested_at
    )
    return _close_now(run, stored_events(run.id), [])


def _show(run_id: UUID, events: Sequence[Numbered]) -> None:
    for seq, event in events:
        publish_now(run_id, seq, event)


def _unseen_replies(run: Run, *, after: int) -> list[Numbered]:
    """The replies that the log does not hold yet. They are marked and written together: none may be lost in between."""
    waits = list(
        Wait.objects.select_for_update().filter(run=run, reply__isnull=False, seen=False).order_by("answered_at")
    )
    Wait.objects.filter(id__in=[wait.id for wait in waits]).update(seen=True)
    now = time.time()
    events = [
        NodeAnswered(at=now, node_id=wait.node_id, frame=wait.frame, reply=wait.reply or {}, by=wait.answered_by)
        for wait in waits
    ]
    return list(enumerate(events, start=after + 1))


def _close(run: Run, past: Sequence[Numbered], *, reason: str) -> None:
    closed = _close_now(run, past, [], why=reason)
    publish_now(run.id, *closed)


def _close_now(run: Run, stored: Sequence[Numbered], salvaged: Sequence[Numbered], *, why: str = "") -> Numbered:
    """End a run from outside, with all that its readers have seen."""
    summary = RunSummary()
    for _, event in [*stored, *salvaged]:
        summary.add(event)
    added = list(salvaged)
    if summary.status is None:
        seen = salvaged or stored
        last = seen[-1][0] if seen else 0
        added.append((last + 1, interrupted(run.started_at, stopped=run.stop_requested_at is not None, why=why)))
        summary.add(added[-1][1])
    store([Portion(run_id=run.id, epoch=run.epoch, rows=encode(added), ending=ending_of(summary))])
    enqueue_on_commit("traces.rebuild", str(run.id))
    return added[-1]
