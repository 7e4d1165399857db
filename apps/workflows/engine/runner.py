"""Run a plan: put together what a run is made of, begin it, and end it whatever happens.

Events are emitted, never yielded: who reads them cannot hold the run up or leak its tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apps.workflows.engine.callee import Callees
from apps.workflows.engine.clock import Clock, SystemClock
from apps.workflows.engine.crew import Crew, House
from apps.workflows.engine.errors import InvalidGraph
from apps.workflows.engine.events import ErrorInfo, RunFinished, RunPaused, RunStatus
from apps.workflows.engine.frame import Frame
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.hosting import Durable, RunHost
from apps.workflows.engine.past import Past
from apps.workflows.engine.performing import Performer
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.progress import Progress
from apps.workflows.engine.telling import Emit, Telling
from apps.workflows.engine.variables import Values

#: How long a stop waits for nodes to clean up before the run is called finished.
_GRACE: Final = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class RunValues:
    """What a run starts with. `sys` holds what `SYSTEM_NAMES` names."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    sys: Mapping[str, Any] = field(default_factory=dict)
    conversation: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may take: nodes at work at once, seconds in all, and nodes started in all."""

    max_parallel: int = 32
    seconds: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A run that goes on: what has happened, and why it goes on now (takeover, answer or timeout)."""

    past: Past
    reason: str


async def execute(
    plan: Plan,
    *,
    run: RunValues,
    ports: Ports,
    emit: Emit,
    clock: Clock | None = None,
    limits: Limits | None = None,
    entry: str | None = None,
    stop: asyncio.Event | None = None,
    durable: Durable | None = None,
    goes_on: Continuation | None = None,
    callees: Callees | None = None,
    house: House | None = None,
) -> RunFinished | RunPaused:
    """Run the plan until it ends or only waits for people; returns the last event.

    `entry` is the node where a run of several begins; `durable` returns once the log holds all that was emitted, and is
    awaited before acts on the world. Setting `stop` ends the run within 50 ms, as does cancelling. `callees` are the
    other workflows that it may call, by name; `house` has the places that all runs of the process share.
    """
    going = _Run(plan, run, ports, emit, clock or SystemClock(), limits or Limits(), durable, goes_on, callees, house)
    return await going.go(entry, stop)


class _Run:
    """One run in progress."""

    def __init__(
        self,
        plan: Plan,
        run: RunValues,
        ports: Ports,
        emit: Emit,
        clock: Clock,
        limits: Limits,
        durable: Durable | None,
        goes_on: Continuation | None,
        callees: Callees | None,
        house: House | None,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._limits = limits
        self._goes_on = goes_on
        self._past = past = goes_on.past if goes_on else None
        self._inputs = {**plan.inputs, **run.inputs}
        # What was so when the run began stays so; but a run that was made of another's log is not that other.
        began = {name: value for name, value in past.sys.items() if name != "run_id"} if past else {}
        self._sys = {**run.sys, **began}
        conversation = {**run.conversation, **(past.conversation if past else {})}
        values = Values(inputs=self._inputs, sys=self._sys, conversation=conversation, env=run.env)
        self._telling = Telling(plan, values, emit=emit, clock=clock, past=past)
        self._root = Frame(plan, values=values)
        self._progress = progress = Progress(self._root, past=past, telling=self._telling)
        performer = Performer(progress, ports=ports, clock=clock, steps=limits.steps)
        self._crew = crew = Crew(performer.perform, clock=clock, most=limits.max_parallel, house=house)
        run_id = str(self._sys.get("run_id") or "")
        performer.host = RunHost(
            progress,
            crew=crew,
            clock=clock,
            run_id=run_id,
            durable=durable,
            callees=callees or {},
            steps=limits.steps,
        )
        progress.crew = performer.crew = crew

    async def go(self, entry: str | None, stop: asyncio.Event | None) -> RunFinished | RunPaused:
        """Run until nothing is left to do, something fails, or somebody stops it."""
        stopper = None if stop is None else asyncio.ensure_future(stop.wait())
        rest = self._crew.rest
        try:
            self._begin(entry)
            waited = {rest, *((stopper,) if stopper else ())}
            await asyncio.wait(waited, timeout=self._time_left(), return_when=asyncio.FIRST_COMPLETED)
            if rest.done():
                rest.result()  # raises what `emit` or the engine itself raised
        except asyncio.CancelledError:
            await self._break_off("stopped")
            raise
        except BaseException:
            self._telling.close()
            await self._crew.gone(self._crew.dismiss())
            raise
        finally:
            if stopper is not None:
                stopper.cancel()
        if rest.done():
            return await self._at_rest()
        if stop is not None and stop.is_set():
            return await self._break_off("stopped")
        message = f"The run took longer than {self._limits.seconds:g} s."
        self._progress.error = ErrorInfo(code="run_timeout", message=message)
        return await self._break_off("failed")

    def _begin(self, entry: str | None) -> None:
        if self._goes_on is None:
            several = len(self._plan.entries) > 1
            self._telling.run_started(self._inputs, self._sys, entry=entry or "" if several else "")
        else:
            self._telling.run_resumed(self._goes_on.reason)
        if entry is not None and entry not in self._plan.index_of:
            raise InvalidGraph(f"{entry} is no node.")
        self._progress.start(self._root, None if entry is None else self._plan.index_of[entry])
        if self._goes_on is not None:
            self._telling.recalled(self._goes_on.reason)
        self._crew.hire()
        self._crew.look_for_rest()

    def _time_left(self) -> float | None:
        if self._limits.seconds is None:
            return None
        began = self._past.began_at if self._past else None
        return self._limits.seconds if began is None else max(0.0, began + self._limits.seconds - self._clock.now())

    async def _at_rest(self) -> RunFinished | RunPaused:
        """Nothing is left to do: the run failed, waits for somebody, or is through."""
        if self._progress.error is not None:
            return await self._break_off("failed")
        if self._progress.waiting and not self._root.over.done():
            return await self._pause()
        return self._finish("partial-succeeded" if self._progress.handled else "succeeded")

    async def _pause(self) -> RunPaused:
        """Everything left waits for somebody. The log is all that is kept."""
        self._telling.close()
        await self._crew.gone(self._crew.dismiss())
        return self._telling.run_paused(list(self._progress.waiting.values()))

    async def _break_off(self, status: RunStatus) -> RunFinished:
        """Cancel what runs, tell of it, wait a moment for clean-up, and finish."""
        self._telling.close()
        workers = self._crew.dismiss()
        self._progress.break_off_all("Another node failed." if status == "failed" else "The run was stopped.")
        try:
            if workers:
                await asyncio.wait(workers, timeout=_GRACE)
        finally:
            finished = self._finish(status)
        await self._crew.gone(workers)
        return finished

    def _finish(self, status: RunStatus) -> RunFinished:
        self._crew.closed = True
        return self._telling.run_finished(status, self._progress.error, self._root.outputs())
