"""A worker's turn at an experiment: items side by side on one loop, for a while, then the rest is handed on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID, uuid4

from django.db import InterfaceError, OperationalError

from apps.annotations.models import Experiment, Result
from apps.annotations.models.experiment import MOST_AT_ONCE
from apps.annotations.services.experiment_claims import Nothing, claim_item, hand_back, renew
from apps.annotations.services.experiment_items import NotOurs, fail_item, work_on_item
from apps.workflows.services import settle
from support.database import in_thread

logger = logging.getLogger(__name__)

#: No item is begun after this; those under way are finished.
TURN_S = 60.0
RENEW_S = 5.0
PAUSE_S = 0.25


def work_on_experiment(experiment_id: UUID) -> bool:
    """One turn, on a loop of its own; whether there is more to do."""
    return asyncio.run(_turn_alone(experiment_id))


async def _turn_alone(experiment_id: UUID) -> bool:
    try:
        return await take_turn(experiment_id)
    finally:
        await settle()


async def take_turn(
    experiment_id: UUID, *, seconds: float = TURN_S, on_item: Callable[[Result], None] | None = None
) -> bool:
    """Work for a while; whether there is more to do. Safe beside other workers and after any of them has died."""
    owner = uuid4().hex
    experiment = await in_thread(_open, experiment_id)
    if experiment is None:
        return False
    alive = asyncio.create_task(_stay_alive(experiment_id, owner))
    try:
        return await _work(experiment, owner=owner, until=time.monotonic() + seconds, on_item=on_item)
    finally:
        alive.cancel()
        with suppress(asyncio.CancelledError):
            await alive
        await asyncio.shield(in_thread(hand_back, experiment_id, owner=owner))


async def _work(experiment: Experiment, *, owner: str, until: float, on_item: Callable[[Result], None] | None) -> bool:
    """Claim and work until the turn, or the experiment, is over."""
    under_way: set[asyncio.Task[None]] = set()
    more = True
    try:
        while True:
            while more and len(under_way) < MOST_AT_ONCE and time.monotonic() < until:
                claimed = await in_thread(claim_item, experiment.id, owner=owner)
                if isinstance(claimed, Nothing):
                    more = not claimed.is_over
                    break
                under_way.add(asyncio.create_task(_one(experiment, claimed, on_item)))
            if not under_way and (not more or time.monotonic() >= until):
                return more
            if under_way:
                done, under_way = await asyncio.wait(under_way, timeout=PAUSE_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            else:  # items of another worker, which may be dead
                await asyncio.sleep(PAUSE_S)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _one(experiment: Experiment, result: Result, on_item: Callable[[Result], None] | None) -> None:
    try:
        await _worked_on(experiment, result)
    except* NotOurs:
        logger.info("item %s of experiment %s is not ours any more", result.number, experiment.id)
    else:
        if on_item is not None:
            on_item(result)


async def _worked_on(experiment: Experiment, result: Result) -> None:
    try:
        await work_on_item(experiment, result)
    except* NotOurs:
        raise
    except* (InterfaceError, OperationalError):
        raise  # the item is handed back, and tried again by whoever has a database
    except* Exception as exc:  # border: a fault of ours with one item must not end an experiment
        logger.exception("item %s of experiment %s failed by a fault of the console", result.number, experiment.id)
        kind = type(exc.exceptions[0]).__name__
        message = f"The console failed while it worked on the item ({kind}). Its log has the details."
        await in_thread(fail_item, experiment, result, code="internal_error", message=message)


async def _stay_alive(experiment_id: UUID, owner: str) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        await in_thread(renew, experiment_id, owner=owner)


def _open(experiment_id: UUID) -> Experiment | None:
    return Experiment.objects.select_related("version__application").filter(id=experiment_id).first()
