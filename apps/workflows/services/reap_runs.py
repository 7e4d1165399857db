"""Closing runs whose process died, so that none stays "running" for ever."""

from __future__ import annotations

import logging
import time

import orjson
import redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.workflows.engine.events import ErrorInfo, Event, RunFinished, from_dict, to_dict
from apps.workflows.engine.journal import Numbered, encode, stream_key
from apps.workflows.engine.summary import RunSummary
from apps.workflows.models import Message, Run, RunEvent
from apps.workflows.selectors.events import stored_events
from apps.workflows.services.finish_run import close_message, close_run
from support.jobs import enqueue_on_commit

logger = logging.getLogger(__name__)


def reap_lost_runs(*, limit: int = 100) -> int:
    """Close runs whose lease has run out; returns how many.

    What their followers already saw is saved from Redis first, so the log ends where the readers are.
    """
    lost = Run.objects.filter(status=Run.Status.RUNNING, lease_until__lt=timezone.now()).values_list("id", flat=True)
    return sum(_reap(run_id) for run_id in lost[:limit])


def _reap(run_id: object) -> bool:
    with transaction.atomic():
        run = Run.objects.select_for_update(skip_locked=True).filter(id=run_id, status=Run.Status.RUNNING).first()
        if run is None or run.lease_until is None or run.lease_until > timezone.now():
            return False
        events = stored_events(run.id)
        stored = events[-1][0] if events else 0
        salvaged = _live_tail(run, after=stored)
        last = salvaged[-1][0] if salvaged else stored
        end = (last + 1, _interrupted(run))
        summary = RunSummary()
        for _, event in [*events, *salvaged, end]:
            summary.add(event)
        RunEvent.objects.bulk_create(
            RunEvent(run=run, seq=row.seq, last_seq=row.last_seq, kind=row.kind, payload=row.payload)
            for row in encode([*salvaged, end])
        )
        # The old owner may only be slow: a new epoch keeps it from writing over this.
        Run.objects.filter(id=run.id).update(epoch=run.epoch + 1)
        run.epoch += 1
        close_run(run, summary)
        message = Message.objects.filter(run=run).first()
        if message is not None:
            close_message(message, summary)
        enqueue_on_commit("traces.rebuild", str(run.id))
    _tell_followers(run, *end)
    logger.warning("run %s was closed: its process is gone", run.id)
    return True


def _interrupted(run: Run) -> RunFinished:
    now = time.time()
    return RunFinished(
        at=now,
        status="stopped" if run.stop_requested_at else "failed",
        outputs={},
        error=ErrorInfo(
            code="interrupted",
            message="The process that executed this run ended before the run did. Run it again.",
        ),
        elapsed=now - run.started_at.timestamp(),
    )


def _live_tail(run: Run, *, after: int) -> list[Numbered]:
    """Events that were sent to followers and never reached the log."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            entries = client.xrange(stream_key(run.id), min=f"({after}-0")
    except redis.RedisError:
        return []
    tail: list[tuple[int, Event]] = []
    for entry_id, fields in entries:  # type: ignore[union-attr]
        seq = int(entry_id.split(b"-")[0])
        event = from_dict(orjson.loads(fields[b"e"]))
        if seq != after + len(tail) + 1 or isinstance(event, RunFinished):
            break
        tail.append((seq, event))
    return tail


def _tell_followers(run: Run, seq: int, event: Event) -> None:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            client.xadd(stream_key(run.id), {"e": orjson.dumps(to_dict(event))}, id=f"{seq}-0")
            client.expire(stream_key(run.id), 900)
    except redis.RedisError:
        logger.info("followers of run %s will find its end in the log", run.id)
