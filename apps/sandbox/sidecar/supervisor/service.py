"""The sandbox itself: takes a run, finds its profile, its place in the queue and its child, and counts how it ended."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from apps.sandbox.protocol import JAVASCRIPT_PROFILE, Language, RunError, RunRequest, RunResult, Status
from apps.sandbox.sidecar.config import Config
from apps.sandbox.sidecar.errors import (
    BadRequest,
    LanguageUnavailable,
    ProfileUnavailable,
    RequestRefused,
    StartRefused,
    Unavailable,
)
from apps.sandbox.sidecar.supervisor import endings
from apps.sandbox.sidecar.supervisor.counters import Counters
from apps.sandbox.sidecar.supervisor.egress import Egress
from apps.sandbox.sidecar.supervisor.gate import Gate
from apps.sandbox.sidecar.supervisor.line import Line, State
from apps.sandbox.sidecar.supervisor.probe import ProbeReport, probe
from apps.sandbox.sidecar.supervisor.profiles import Profile
from apps.sandbox.sidecar.supervisor.run import Run
from apps.sandbox.sidecar.supervisor.slots import Slots

TICK_S: Final = 1.0
#: Without this one there is no sandbox; the others are reported as failed and the rest serves.
ESSENTIAL: Final = "base"


@dataclass(slots=True, eq=False)
class _Ticket:
    """A run from its arrival to its answer: what a kill by id gets hold of."""

    task: asyncio.Task[Any]
    run: Run | None = None
    stopped: RunError | None = None

    def stop(self, error: RunError) -> None:
        if self.stopped is not None:
            return
        self.stopped = error
        if self.run is not None:
            self.run.stop(error)
        else:
            self.task.cancel()


class Sandbox:
    """Runs requests, one child each."""

    def __init__(self, config: Config, *, mode: str, profiles: list[Profile]) -> None:
        self.config, self.mode = config, mode
        self.counters = Counters()
        self.gate = Gate(concurrency=config.concurrency, bound=config.queue)
        self.started_at = datetime.now(UTC)
        self.probes: dict[str, ProbeReport] = {}
        self.node_version: str | None = None
        self.stopping = False
        self.ready = False
        self._egress = Egress(config)
        self._tickets: set[_Ticket] = set()
        self._by_id: dict[str, _Ticket] = {}
        slots = Slots()
        self.lines = {
            profile.name: Line(
                profile,
                config=config,
                mode=mode,
                slots=slots,
                counters=self.counters,
                inspect=self._inspect,
                announce=self._egress.announce,
            )
            for profile in profiles
        }
        self._ticker: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Bring up every profile that is not lazy; raises StartRefused if the essential one cannot be."""
        self.node_version = await _version_of_node(self.lines[JAVASCRIPT_PROFILE].profile.node)
        eager = [line for line in self.lines.values() if not line.profile.lazy and line.profile.reason is None]
        outcomes = await asyncio.gather(*(line.open() for line in eager), return_exceptions=True)
        for line, outcome in zip(eager, outcomes, strict=True):
            if outcome is None:
                continue
            if isinstance(outcome, StartRefused):
                raise outcome
            if not isinstance(outcome, ProfileUnavailable | LanguageUnavailable):
                raise outcome
            if line.profile.name == ESSENTIAL:
                raise StartRefused(f"no code can be run here: {line.reason}")
            _log(outcome.message)
        self.ready = True
        self._tick()

    async def run(self, request: RunRequest) -> RunResult:
        """Run a request; raises RequestRefused if it is not run at all."""
        if self.stopping or not self.ready:
            raise Unavailable("the sandbox is stopping" if self.stopping else "the sandbox is starting")
        task = asyncio.current_task()
        assert task is not None
        ticket = _Ticket(task=task)
        if request.run_id is not None:
            if request.run_id in self._by_id:
                raise BadRequest("a run with this id is going on", path="run_id")
            self._by_id[request.run_id] = ticket
        self._tickets.add(ticket)
        try:
            result = await self._admitted(request, ticket)
        except asyncio.CancelledError:
            if ticket.stopped is None or task.uncancel() > 0:
                raise
            result = RunResult(status=Status.KILLED, error=ticket.stopped)
        except RequestRefused:
            self.counters.rejected += 1
            raise
        finally:
            self._tickets.discard(ticket)
            if request.run_id is not None:
                del self._by_id[request.run_id]
        self.counters.ended(request, result)
        return result

    def kill(self, run_id: str) -> bool:
        """End a run by its id; False if there is none."""
        ticket = self._by_id.get(run_id)
        if ticket is not None:
            ticket.stop(endings.killed_by_request())
        return ticket is not None

    async def stop(self) -> None:
        """End every run with an answer, then every process."""
        self.stopping = True
        if self._ticker is not None:
            self._ticker.cancel()
        _, stopped = endings.sandbox_stopped()
        for ticket in list(self._tickets):
            ticket.stop(stopped)
        for _ in range(50):
            if not self._tickets:
                break
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """End every process that was started."""
        await asyncio.gather(*(line.close() for line in self.lines.values()))
        await self._egress.close()

    def layers(self) -> dict[str, bool]:
        """Give the layers that every zygote has up."""
        up: dict[str, bool] = {}
        for line in self.lines.values():
            if line.zygote is not None:
                up = {name: there and up.get(name, True) for name, there in line.zygote.layers.items()}
        return up

    async def egress_stats(self) -> dict[str, Any] | None:
        """Give the figures of the egress proxy, if there is one."""
        return await self._egress.stats()

    async def _admitted(self, request: RunRequest, ticket: _Ticket) -> RunResult:
        line = self._line(request)
        if line.state is not State.READY:
            await self._open_late(line)
        await self.gate.enter(line.profile.name)
        try:

            def started(run: Run) -> None:
                ticket.run = run
                if ticket.stopped is not None:  # at the very moment in which its child was there
                    run.stop(ticket.stopped)

            return await line.execute(request, started=started)
        finally:
            self.gate.leave()

    async def _open_late(self, line: Line) -> None:
        """Open a line because of a request. One whose children are not shut in does not serve; the others do."""
        try:
            await line.open()
        except StartRefused as refusal:
            raise ProfileUnavailable(f"the profile {line.profile.name} is not safe here", path="profile") from refusal

    def _line(self, request: RunRequest) -> Line:
        line = self.lines.get(request.profile)
        if request.language is Language.JAVASCRIPT and request.profile != JAVASCRIPT_PROFILE:
            raise LanguageUnavailable(f"JavaScript has the profile {JAVASCRIPT_PROFILE} only", path="profile")
        if line is None:
            known = ", ".join(sorted(self.lines))
            raise ProfileUnavailable(f"there is no such profile; there are {known}", path="profile")
        if line.profile.language is not request.language:
            raise LanguageUnavailable(f"the profile {line.profile.name} runs {line.profile.language}", path="language")
        return line

    async def _inspect(self, line: Line) -> None:
        """Try what must not work in a real child; raises StartRefused if any of it does.

        Not where layers have been left out on purpose: some of it would work, and would touch this very machine.
        """
        if self.config.without:
            return
        report = await probe(line.execute, profile=line.profile)
        self.probes[line.profile.name] = report
        if report.succeeded:
            raise StartRefused(f"in the profile {line.profile.name}, this got through: {', '.join(report.succeeded)}")

    def _tick(self) -> None:
        # Ordered first: whatever goes wrong below, there is a next one.
        self._ticker = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        for line in self.lines.values():
            line.tick()


async def _version_of_node(node: str | None) -> str | None:
    if node is None:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            node, "--version", env={}, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
        said, _ = await process.communicate()
    except OSError:
        return None
    return said.decode(errors="replace").strip().removeprefix("v")[:40] or None


def _log(message: str) -> None:
    sys.stderr.write(f"sandbox: {message}\n")
    sys.stderr.flush()
