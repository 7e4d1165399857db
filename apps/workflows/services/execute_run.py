"""Executing accepted runs in this process: launched runs outlive the request that started them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from apps.workflows.adapters.event_log import NotLogged
from apps.workflows.adapters.fair_share import house_of
from apps.workflows.adapters.live import live_publisher
from apps.workflows.adapters.run_log import RunLog
from apps.workflows.engine.attempt import Activity
from apps.workflows.engine.events import AnswerReplaced, ErrorInfo, Event, RunFinished, RunPaused, RunStarted
from apps.workflows.engine.journal import Numbered
from apps.workflows.engine.past import Past
from apps.workflows.engine.runner import Continuation, Limits, execute
from apps.workflows.engine.summary import RunSummary
from apps.workflows.engine.waiting import at_work
from apps.workflows.hooks import PreparedAnswer, notify, observers_for, prepared_answer
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.selectors.concealing import FOR_EYES, WORDS, concealed
from apps.workflows.services.finish_run import ending_of
from apps.workflows.services.lease import keeper
from apps.workflows.services.leave import entered, left
from apps.workflows.services.ports_of_run import ports_of
from apps.workflows.services.put_aside import put_aside
from apps.workflows.services.start_run import Accepted
from support.trace_context import context_of_run, passing_on, read_context, span_of_step

logger = logging.getLogger(__name__)

LONGEST_RUN_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoesOn:
    """What a run that goes on has behind it, as its log holds it, and why it goes on."""

    reason: str
    past: Sequence[Numbered]


async def launch(accepted: Accepted, *, goes_on: GoesOn | None = None) -> asyncio.Task[RunSummary]:
    """Start a run on this loop.

    The task gets an empty context, so that nothing of the request (its thread, its connection) outlives the request.
    """
    task = asyncio.get_running_loop().create_task(
        run_to_end(accepted, goes_on=goes_on),
        name=f"run-{accepted.run.id}",
        context=contextvars.Context(),
    )
    keeper().adopt(accepted.run.id, task)
    return task


async def run_to_end(
    accepted: Accepted, *, on_event: Callable[[int, Event], None] | None = None, goes_on: GoesOn | None = None
) -> RunSummary:
    """Run and wait: to the committed end, or until the run waits for people. Only handing it over leaves it open."""
    run_id = accepted.run.id
    observers = observers_for(accepted.info)

    secrets = Secrets(accepted.secrets)

    def tell(seq: int, event: Event) -> None:
        notify(observers, seq, concealed(event, secrets, WORDS))
        if on_event is not None:
            on_event(seq, event)

    log = RunLog(
        run_id,
        epoch=accepted.run.epoch,
        notify=tell,
        with_node_text=accepted.message is None,
        past=goes_on.past if goes_on else (),
    )
    stop = keeper().stop_event(run_id)
    entered(log)
    try:
        ended = await _to_the_end(accepted, log, stop, goes_on)
        if isinstance(ended, RunPaused):
            await put_aside(accepted.run, log, ended)
        else:
            await log.finish(ended, ending_of)
    except asyncio.CancelledError:
        raise  # the loop is ending under us: the log stays open, to be handed over
    except NotLogged as exc:
        logger.error("run %s could not be written (%s); another process goes on with it", run_id, exc)
        left(log)
    except BaseException:
        left(log)
        raise
    else:
        left(log)
    finally:
        keeper().release(run_id)
    return log.summary


async def _to_the_end(
    accepted: Accepted, log: RunLog, stop: asyncio.Event, goes_on: GoesOn | None
) -> RunFinished | RunPaused:
    """The last event of the run, also where the console itself fails."""
    info = accepted.info
    caller = read_context(info.traceparent, info.tracestate)
    try:
        with passing_on(context_of_run(info.run_id, caller), at=lambda: _span_at_work(info.run_id)):
            return await _execute(accepted, log, stop, goes_on)
    except NotLogged:
        raise
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


def _span_at_work(run_id: UUID) -> str:
    """The span of the step that sends a request now; nothing outside of steps."""
    step = at_work.get()
    return span_of_step(run_id, step.frame, step.node.id) if isinstance(step, Activity) else ""


async def _execute(
    accepted: Accepted, log: RunLog, stop: asyncio.Event, goes_on: GoesOn | None
) -> RunFinished | RunPaused:
    """The run's events but the last, which is returned for the log to commit."""
    ends: list[RunFinished | RunPaused] = []
    secrets = Secrets(accepted.secrets)

    def emit(event: Event) -> None:
        if not isinstance(event, RunStarted):
            event = concealed(event, secrets, FOR_EYES)
        if isinstance(event, (RunFinished, RunPaused)):
            ends.append(event)
        else:
            log.emit(event)

    is_new = goes_on is None or not goes_on.past
    ready = await prepared_answer(accepted.info) if accepted.message is not None and is_new else None
    if ready is not None:
        return _answer_at_once(accepted, ready, emit)
    info = accepted.info
    ports = ports_of(info, is_new_conversation=accepted.is_new_conversation)
    returned = await execute(
        accepted.plan,
        run=accepted.values,
        entry=accepted.entry,
        ports=ports,
        emit=emit,
        stop=stop,
        limits=Limits(seconds=LONGEST_RUN_S, steps=settings.RUN_STEPS),
        durable=log.durable,
        callees=accepted.callees,
        house=house_of(info),
        goes_on=None if is_new or goes_on is None else _continuation(goes_on),
    )
    return ends[-1] if ends else returned


def _continuation(goes_on: GoesOn) -> Continuation:
    return Continuation(past=Past.of(event for _, event in goes_on.past), reason=goes_on.reason)


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
