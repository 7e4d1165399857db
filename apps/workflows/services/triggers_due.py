"""Firing schedules when they are due: each due time once, however many workers look."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.workflows.models import Firing, Trigger
from apps.workflows.nodes.recurrence import BadSchedule, missed_between, next_due
from apps.workflows.services.background import hand_to_worker
from apps.workflows.services.triggers import MOST_ERROR_CHARS, fire, schedule_facts
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

AT_ONCE = 200


def fire_due_triggers(*, now: dt.datetime | None = None, limit: int = AT_ONCE) -> int:
    """Begin the runs of schedules that are due; how many triggers were seen to.

    Of the times that were missed the latest begins a run, which is told of the others. Workers that look at once pass
    over each other's rows.
    """
    now = now or timezone.now()
    count = 0
    while count < limit and _fire_one(now):
        count += 1
    return count


@transaction.atomic
def _fire_one(now: dt.datetime) -> bool:
    trigger = (
        Trigger.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(kind=Trigger.Kind.SCHEDULE, is_enabled=True, is_published=True, next_at__lte=now)
        .select_related("application", "application__live")
        .order_by("next_at")
        .first()
    )
    if trigger is None or trigger.next_at is None:
        return False
    try:
        due_at, missed = missed_between(trigger.config, trigger.next_at, now)
        following = next_due(trigger.config, now)
    except BadSchedule as exc:  # a release that reads schedules otherwise
        Trigger.objects.filter(id=trigger.id).update(next_at=None, last_error=str(exc)[:MOST_ERROR_CHARS])
        return True
    Trigger.objects.filter(id=trigger.id).update(next_at=following)
    _begin(trigger, due_at, missed, now)
    return True


def _begin(trigger: Trigger, due_at: dt.datetime, missed: int, now: dt.datetime) -> None:
    facts = schedule_facts(trigger, due_at=due_at, missed=missed)
    try:
        with transaction.atomic():
            _, accepted = fire(trigger, given=facts, for_worker=True, now=now, due_at=due_at, missed=missed)
    except IntegrityError:
        logger.warning("trigger %s had its run for %s already", trigger.id, due_at)
    except ConsoleError as exc:
        logger.warning("trigger %s could not begin a run: %s", trigger.id, exc.code)
        Firing.objects.create(team_id=trigger.team_id, trigger=trigger, due_at=due_at, missed=missed)
        Trigger.objects.filter(id=trigger.id).update(last_at=now, last_error=exc.message[:MOST_ERROR_CHARS])
    else:
        hand_to_worker(accepted)
