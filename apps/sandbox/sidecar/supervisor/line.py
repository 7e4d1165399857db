"""A profile's line of zygotes: the first is tried, a dead or stuck one is replaced, an old one is drained."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final

from apps.sandbox.protocol import Language, RunRequest, RunResult
from apps.sandbox.sidecar.config import Config
from apps.sandbox.sidecar.errors import LanguageUnavailable, ProfileUnavailable, StartRefused, Unavailable
from apps.sandbox.sidecar.supervisor.counters import Counters
from apps.sandbox.sidecar.supervisor.pool import Pool
from apps.sandbox.sidecar.supervisor.probe import ProbeFailed
from apps.sandbox.sidecar.supervisor.profiles import Profile
from apps.sandbox.sidecar.supervisor.run import Run, child_request
from apps.sandbox.sidecar.supervisor.slots import Slots
from apps.sandbox.sidecar.supervisor.zygotes import Zygote, ZygoteFailed

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
PING_S: Final = 2.0


class State(StrEnum):
    """Where a profile stands."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


class Line:
    """One profile at work. `inspect` tries a new line's children before anybody else gets one."""

    def __init__(
        self,
        profile: Profile,
        *,
        config: Config,
        mode: str,
        slots: Slots,
        counters: Counters,
        inspect: Callable[[Line], Awaitable[None]],
        announce: Callable[[Zygote, int], Awaitable[None]],
    ) -> None:
        self.profile = profile
        self.reason = profile.reason
        self.state = State.OFF
        self.generation = self.running = self.runs = 0
        self.memory_mb = min(profile.memory_mb, config.maxima.memory_mb)
        self.zygote: Zygote | None = None
        self._config, self._mode, self._slots, self._counters = config, mode, slots, counters
        self._inspect, self._announce = inspect, announce
        self._pool = Pool(target=profile.spares, memory_mb=self.memory_mb, cpu_s=config.maxima.cpu_s)
        self._old: set[Zygote] = set()
        self._loop = asyncio.get_running_loop()
        self._born_at = self._pinged_at = self._heard_at = 0.0
        self._recycling = self._closing = False
        self._opening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start the line if it is not; raises what keeps it from starting."""
        if self.profile.reason is not None:
            raise self._unavailable(self.profile.reason)
        if self.state is State.READY:
            return
        if self.generation:
            raise Unavailable("the sandbox process is being replaced")
        if self._opening is None:
            self._opening = self._task(self._open_first())
        await asyncio.shield(self._opening)

    async def execute(self, request: RunRequest, *, started: Callable[[Run], None] = lambda run: None) -> RunResult:
        """Run a request on a child of its own."""
        payload = child_request(request)
        memory_mb, cpu_s = request.limits.memory_mb or self.memory_mb, request.limits.cpu_s
        if memory_mb == self.memory_mb and cpu_s is None:
            child = await self._pool.take()
        else:
            child = await self._pool.take_with(memory_mb=memory_mb, cpu_s=cpu_s or self._config.maxima.cpu_s)
        self.running += 1
        self.runs += 1
        child.zygote.runs += 1
        try:
            run = Run(request, child)
            started(run)
            return await run.finish(payload)
        finally:
            self.running -= 1
            self._pool.refill_within(0)

    def tick(self) -> None:
        """Once in a while: ask for signs of life, replace what is old, end what is drained."""
        now = self._loop.time()
        for zygote in [each for each in self._old if not each.children]:
            self._old.discard(zygote)
            self._task(zygote.stop())
        zygote_now = self.zygote
        if zygote_now is None or self.state is not State.READY:
            return
        self._pool.refill()
        self._watch(zygote_now, now)
        old = now - self._born_at > self._config.recycle_minutes * 60
        if (old or zygote_now.runs >= self._config.recycle_runs) and not self._recycling:
            self._recycling = True
            self._task(self._recycle())

    async def close(self) -> None:
        """End every zygote and child."""
        self._closing = True
        self._pool.abandon("the sandbox is stopping")
        for task in self._tasks:
            task.cancel()
        zygotes = [*self._old, *([self.zygote] if self.zygote else [])]
        await asyncio.gather(*(zygote.stop() for zygote in zygotes))

    def as_json(self) -> dict[str, Any]:
        """Give what `/health` shows."""
        shown: dict[str, Any] = {
            "state": self.state.value,
            "spares": self._pool.spares,
            "running": self.running,
            "runs": self.runs,
            "generation": self.generation,
            "memory_mb": self.memory_mb,
            "language": self.profile.language.value,
        }
        return shown if self.reason is None else {**shown, "reason": self.reason}

    async def _open_first(self) -> None:
        self.state = State.STARTING
        try:
            await self._bring_up()
            await self._inspect(self)
            self.runs = 0  # those were ours
            self.state, self.reason = State.READY, None
        except (ZygoteFailed, ProbeFailed, StartRefused, Unavailable, OSError) as error:
            self.state, self.reason, self.generation = State.FAILED, str(error), 0
            await self._bring_down()
            if isinstance(error, StartRefused):
                raise  # and it is never tried again
            self._opening = None
            raise self._unavailable(str(error)) from error

    async def _bring_up(self) -> None:
        zygote = await Zygote.start(self.profile.stage(self._config, self._mode), slots=self._slots)
        self.generation += 1
        await self._announce(zygote, self.generation)
        if self.zygote is not None:
            self._old.add(self.zygote)
        self.zygote = zygote
        self._born_at = self._loop.time()
        self._pinged_at = 0.0
        zygote.exited.add_done_callback(lambda _: self._exited(zygote))
        self._pool.adopt(zygote)

    async def _bring_down(self) -> None:
        zygote, self.zygote = self.zygote, None
        self._pool.abandon("the profile could not be started")
        if zygote is not None:
            await zygote.stop()

    def _exited(self, zygote: Zygote) -> None:
        self._old.discard(zygote)
        if zygote is not self.zygote or self._closing:
            return
        self.zygote = None
        self._pool.abandon("the sandbox process ended and is being replaced")
        if self.state is State.READY:
            self.state = State.STARTING
            self._counters.zygote_restarts += 1
            self._task(self._replace())

    async def _replace(self) -> None:
        """Bring up another zygote, for as long as it takes."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._bring_up()
            except (ZygoteFailed, OSError) as error:
                self.reason = str(error)
                _log(f"the zygote of {self.profile.name} cannot be replaced: {error}")
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                if self.zygote is not None:  # it could have ended again meanwhile
                    self.state, self.reason = State.READY, None
                    return

    async def _recycle(self) -> None:
        """Bring up the next zygote beside this one, which ends when its last run has."""
        try:
            await self._bring_up()
            self._counters.recycled += 1
        except (ZygoteFailed, OSError) as error:
            _log(f"the zygote of {self.profile.name} cannot be recycled: {error}")
            await asyncio.sleep(LONGEST_PAUSE_S)
        finally:
            self._recycling = False

    def _watch(self, zygote: Zygote, now: float) -> None:
        if self._pinged_at and zygote.heard_at >= self._pinged_at:
            self._pinged_at = 0.0
        if not self._pinged_at:
            if now - zygote.heard_at >= PING_S:
                self._pinged_at = now
                zygote.ping()
        elif now - self._pinged_at > self._config.watchdog_s:
            _log(f"the zygote of {self.profile.name} is silent, and gets replaced")
            zygote.kill_all()

    def _unavailable(self, reason: str) -> ProfileUnavailable | LanguageUnavailable:
        if self.profile.language is Language.JAVASCRIPT:
            return LanguageUnavailable(f"JavaScript cannot be run here: {reason}", path="language")
        return ProfileUnavailable(f"the profile {self.profile.name} cannot be used: {reason}", path="profile")

    def _task(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # told to those who wait; kept in `reason`


def _log(message: str) -> None:
    sys.stderr.write(f"sandbox: {message}\n")
    sys.stderr.flush()
