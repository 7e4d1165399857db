"""Executing accepted runs in this process: launched runs outlive the request that started them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
import weakref
from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.db import DatabaseError

from apps.workflows.adapters.live import live_publisher
from apps.workflows.adapters.memory import ConversationMemory, RegisteredExamples
from apps.workflows.adapters.models import TeamModels
from apps.workflows.adapters.retrieval import TeamDatasets
from apps.workflows.adapters.run_log import RunLog
from apps.workflows.engine.events import AnswerReplaced, Event, RunFinished, RunStarted
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.runner import execute
from apps.workflows.engine.summary import RunSummary
from apps.workflows.hooks import PreparedAnswer, notify, observers_for, prepared_answer, similar_examples
from apps.workflows.services.finish_run import finish_run
from apps.workflows.services.lease import LeaseKeeper
from apps.workflows.services.start_run import Accepted

logger = logging.getLogger(__name__)

_keepers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LeaseKeeper] = weakref.WeakKeyDictionary()


async def launch(accepted: Accepted) -> asyncio.Task[RunSummary]:
    """Start a run on this loop and return once its first event can be followed.

    The task gets an empty context, so that nothing of the request (its thread, its connection) outlives the request.
    """
    started = asyncio.Event()
    task = asyncio.get_running_loop().create_task(
        run_to_end(accepted, on_start=started.set),
        name=f"run-{accepted.run.id}",
        context=contextvars.Context(),
    )
    keeper().adopt(accepted.run.id, task)
    waiter = asyncio.ensure_future(started.wait())
    await asyncio.wait({waiter, task}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    return task


async def run_to_end(
    accepted: Accepted,
    *,
    on_start: Callable[[], None] = lambda: None,
    on_event: Callable[[int, Event], None] | None = None,
) -> RunSummary:
    """Run and wait: from the first event to the committed end."""
    observers = observers_for(accepted.info)

    def tell(seq: int, event: Event) -> None:
        notify(observers, seq, event)
        if on_event is not None:
            on_event(seq, event)

    log = RunLog(accepted.run.id, notify=tell, with_node_text=accepted.message is None)
    stop = keeper().stop_event(accepted.run.id)
    finished = await _execute(accepted, log, stop, on_start)
    try:
        await log.finish(finished, partial(finish_run, accepted, log.summary))
    except DatabaseError:
        logger.exception("run %s ended but could not be written; the reaper will close it", accepted.run.id)
    finally:
        keeper().release(accepted.run.id)
    return log.summary


async def _execute(accepted: Accepted, log: RunLog, stop: asyncio.Event, on_start: Callable[[], None]) -> RunFinished:
    """The run's events but the last, which is returned for the log to commit."""
    ends: list[RunFinished] = []
    ready = await prepared_answer(accepted.info) if accepted.message is not None else None

    def emit(event: Event) -> None:
        if isinstance(event, RunFinished):
            ends.append(event)
        else:
            log.emit(event)
        if isinstance(event, RunStarted):
            on_start()

    if ready is not None:
        return _answer_at_once(accepted, ready, emit)
    info = accepted.info
    ports = Ports(
        models=TeamModels(info.team_id),
        retrieval=TeamDatasets(info.team_id),
        memory=ConversationMemory(info.conversation_id, is_new=accepted.is_new_conversation),
        examples=RegisteredExamples(lambda query, k: similar_examples(info, query, k)),
    )
    returned = await execute(accepted.plan, run=accepted.values, ports=ports, emit=emit, stop=stop)
    return ends[-1] if ends else returned


def _answer_at_once(accepted: Accepted, ready: PreparedAnswer, emit: Callable[[Event], None]) -> RunFinished:
    """A run that a person's earlier answer ends before the workflow begins."""
    now = time.time()
    emit(RunStarted(at=now, inputs=accepted.run.inputs, query=accepted.run.query))
    emit(AnswerReplaced(at=time.time(), text=ready.text, reason=ready.reason, details=ready.details))
    ended = time.time()
    return RunFinished(at=ended, status="succeeded", outputs={"answer": ready.text}, elapsed=ended - now)


def keeper() -> LeaseKeeper:
    """The running loop's lease keeper."""
    loop = asyncio.get_running_loop()
    if loop not in _keepers:
        _keepers[loop] = LeaseKeeper()
    return _keepers[loop]


def running_here() -> set[UUID]:
    """The runs that this loop executes."""
    return keeper().run_ids()


async def settle() -> None:
    """Let live events drain: for loops that end right after a run (the shell)."""
    await live_publisher().drained()
