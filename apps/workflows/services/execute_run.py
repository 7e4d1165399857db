"""Executing accepted runs in this process: launched runs outlive the request that started them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable

from apps.workflows.adapters.code import Refusals, SandboxedCode
from apps.workflows.adapters.event_log import NotLogged
from apps.workflows.adapters.live import live_publisher
from apps.workflows.adapters.memory import ConversationMemory, RegisteredExamples
from apps.workflows.adapters.models import TeamModels
from apps.workflows.adapters.retrieval import TeamDatasets
from apps.workflows.adapters.run_log import RunLog
from apps.workflows.engine.events import AnswerReplaced, ErrorInfo, Event, RunFinished, RunStarted
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.runner import execute
from apps.workflows.engine.summary import RunSummary
from apps.workflows.hooks import PreparedAnswer, notify, observers_for, prepared_answer, similar_examples
from apps.workflows.services.finish_run import ending_of
from apps.workflows.services.lease import keeper
from apps.workflows.services.leave import entered, interrupted, left
from apps.workflows.services.start_run import Accepted

logger = logging.getLogger(__name__)


async def launch(accepted: Accepted) -> asyncio.Task[RunSummary]:
    """Start a run on this loop.

    The task gets an empty context, so that nothing of the request (its thread, its connection) outlives the request.
    """
    task = asyncio.get_running_loop().create_task(
        run_to_end(accepted),
        name=f"run-{accepted.run.id}",
        context=contextvars.Context(),
    )
    keeper().adopt(accepted.run.id, task)
    return task


async def run_to_end(accepted: Accepted, *, on_event: Callable[[int, Event], None] | None = None) -> RunSummary:
    """Run and wait: from the first event to the committed end. Whatever happens, the run gets an end."""
    run_id = accepted.run.id
    observers = observers_for(accepted.info)

    def tell(seq: int, event: Event) -> None:
        notify(observers, seq, event)
        if on_event is not None:
            on_event(seq, event)

    log = RunLog(run_id, epoch=accepted.run.epoch, notify=tell, with_node_text=accepted.message is None)
    stop = keeper().stop_event(run_id)
    entered(log)
    try:
        finished = await _to_the_end(accepted, log, stop)
        await log.finish(finished, ending_of)
    except asyncio.CancelledError:
        # The loop is ending under us.
        await asyncio.shield(_finish(log, interrupted(accepted.run.started_at)))
        raise
    except NotLogged as exc:
        logger.error("run %s ended but could not be written (%s); the reaper will close it", run_id, exc)
    finally:
        left(log)
        keeper().release(run_id)
    return log.summary


async def _finish(log: RunLog, event: RunFinished) -> None:
    try:
        await log.finish(event, ending_of)
    except NotLogged as exc:
        logger.error("run %s was interrupted and could not be written: %s", log.run_id, exc)


async def _to_the_end(accepted: Accepted, log: RunLog, stop: asyncio.Event) -> RunFinished:
    """The last event of the run, also where the console itself fails."""
    try:
        return await _execute(accepted, log, stop)
    except Exception as exc:  # border: a fault of ours must end the run, not leave it running
        logger.exception("run %s failed by a fault of the console", accepted.run.id)
        now = time.time()
        message = f"The console failed while it ran the workflow ({type(exc).__name__}). Its log has the details."
        return RunFinished(
            at=now,
            status="failed",
            outputs={},
            error=ErrorInfo(code="internal_error", message=message),
            elapsed=max(0.0, now - accepted.run.started_at.timestamp()),
        )


async def _execute(accepted: Accepted, log: RunLog, stop: asyncio.Event) -> RunFinished:
    """The run's events but the last, which is returned for the log to commit."""
    ends: list[RunFinished] = []
    ready = await prepared_answer(accepted.info) if accepted.message is not None else None

    def emit(event: Event) -> None:
        if isinstance(event, RunFinished):
            ends.append(event)
        else:
            log.emit(event)

    if ready is not None:
        return _answer_at_once(accepted, ready, emit)
    info = accepted.info
    ports = Ports(
        models=TeamModels(info.team_id),
        retrieval=TeamDatasets(info.team_id),
        memory=ConversationMemory(info.conversation_id, is_new=accepted.is_new_conversation),
        examples=RegisteredExamples(lambda query, k: similar_examples(info, query, k)),
        code=SandboxedCode(info.run_id, tell=Refusals(info).tell),
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


async def settle() -> None:
    """Let live events drain: for loops that end right after a run (the shell)."""
    await live_publisher().drained()
