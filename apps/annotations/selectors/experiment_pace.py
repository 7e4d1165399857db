"""How fast an experiment goes: how long it still takes, what it will cost, and whether a worker is at it at all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.utils import timezone

from apps.annotations.models import Experiment
from apps.annotations.selectors.experiments import Progress

#: The newest items say how fast it is now: the first ones were asked alone, and models have their hours.
LOOKED_AT = 30
#: Workers say every five seconds that they are alive.
SILENT_S = 20.0
#: By then another worker would have taken it, if there was one.
LOST_S = 120.0
#: Fewer items say nothing about what all will cost.
ENOUGH = 3


class Worker(StrEnum):
    """What is known of whoever works on it."""

    AT_WORK = "at-work"
    #: Nobody has taken it up for a while.
    AWAITED = "awaited"
    #: Not heard of; another one may take over any moment.
    SILENT = "silent"
    #: Nobody takes over either.
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """None where nothing can be said yet."""

    seconds_left: float | None = None
    #: What it will have cost in the end, in the experiment's currency.
    cost_at_end: Decimal | None = None
    worker: Worker = Worker.AT_WORK
    silent_s: float = 0.0


def pace_of(experiment: Experiment, progress: Progress) -> Pace:
    """The pace of one that goes on; one that is over has none."""
    if experiment.is_over:
        return Pace()
    now = timezone.now()
    silent_s = (now - (experiment.beat_at or experiment.created_at)).total_seconds()
    worker = _worker(experiment, silent_s)
    return Pace(
        seconds_left=_seconds_left(experiment, progress, now) if worker is Worker.AT_WORK else None,
        cost_at_end=_cost_at_end(experiment, progress),
        worker=worker,
        silent_s=silent_s,
    )


def _worker(experiment: Experiment, silent_s: float) -> Worker:
    if silent_s < SILENT_S:
        return Worker.AT_WORK
    if experiment.status == Experiment.Status.QUEUED:
        return Worker.AWAITED
    return Worker.SILENT if silent_s < LOST_S else Worker.LOST


def _seconds_left(experiment: Experiment, progress: Progress, now: dt.datetime) -> float | None:
    """By the time between the newest answers, or since the last one where that is already longer."""
    finished = experiment.results.filter(finished_at__isnull=False).order_by("-finished_at")
    found = finished.values_list("finished_at", flat=True)[:LOOKED_AT]
    times: list[dt.datetime] = [each for each in found if each is not None]
    if not times:
        return None
    if len(times) == 1:
        between = (times[0] - (experiment.started_at or experiment.created_at)).total_seconds()
    else:
        between = (times[0] - times[-1]).total_seconds() / (len(times) - 1)
    waited = (now - times[0]).total_seconds()
    return max(0.0, max(between, waited) * (progress.waiting + progress.running) - min(waited, between))


def _cost_at_end(experiment: Experiment, progress: Progress) -> Decimal | None:
    """As if those to come cost as much as those that are over. Not where some calls have no price."""
    over = progress.answered + progress.failed
    if over < ENOUGH or not experiment.cost or experiment.unpriced_calls:
        return None
    return experiment.cost / over * progress.total
