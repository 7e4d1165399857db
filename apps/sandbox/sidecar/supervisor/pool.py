"""The warm children of one profile: who waits for one, which are spare, and when new ones are ordered."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Final

from apps.sandbox.sidecar.errors import Unavailable
from apps.sandbox.sidecar.supervisor.child import Child, ChildFailed
from apps.sandbox.sidecar.supervisor.zygotes import Zygote

#: Spares are replaced after the reply; or, beside a run that takes its time, after this.
REFILL_S: Final = 0.05
CHILD_START_S: Final = 20.0
MOST_FAILURES: Final = 8
LONGEST_PAUSE_S: Final = 5.0


class Pool:
    """Spares of the current zygote, and of the one before it until they are replaced."""

    def __init__(self, *, target: int, memory_mb: int, cpu_s: int) -> None:
        self._target, self._memory_mb, self._cpu_s = target, memory_mb, cpu_s
        self._zygote: Zygote | None = None
        self._spares: deque[Child] = deque()
        self._warming: set[Child] = set()
        self._takers: deque[asyncio.Future[Child]] = deque()
        self._failures = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def spares(self) -> int:
        """How many children wait for a request."""
        return len(self._spares)

    def adopt(self, zygote: Zygote) -> None:
        """Order children from this zygote from now on; old spares go as new ones come."""
        self._zygote = zygote
        self._failures = 0
        self.refill()

    def abandon(self, reason: str) -> None:
        """The zygote is gone, and its children with it."""
        self._zygote = None
        for child in (*self._spares, *self._warming):
            child.kill()
            child.close()
        self._spares.clear()
        self._warming.clear()
        self._turn_away(reason)

    async def take(self) -> Child:
        """Take a warm child, or the next one that gets warm."""
        while self._spares:
            child = self._spares.popleft()
            if child.usable:
                self.refill_within(REFILL_S)
                return child
            child.close()
        if self._zygote is None:
            raise Unavailable("the sandbox process is being replaced")
        taker: asyncio.Future[Child] = self._loop.create_future()
        self._takers.append(taker)
        self.refill()
        try:
            return await asyncio.wait_for(taker, CHILD_START_S)
        except TimeoutError:
            raise Unavailable(f"no process became ready within {CHILD_START_S:g} s") from None
        except asyncio.CancelledError:
            if taker.done() and not taker.cancelled() and taker.exception() is None:
                self._offer(taker.result())
            raise
        finally:
            with suppress(ValueError):  # usually it has been served, and is not there any more
                self._takers.remove(taker)

    async def take_with(self, *, memory_mb: int, cpu_s: int) -> Child:
        """Order a child with limits of its own; nobody else can use it."""
        if self._zygote is None:
            raise Unavailable("the sandbox process is being replaced")
        child = self._zygote.spawn(memory_mb=memory_mb, cpu_s=cpu_s)
        try:
            await asyncio.wait_for(asyncio.shield(child.ready), CHILD_START_S)
        except BaseException as error:
            child.kill()
            child.close()
            if isinstance(error, ChildFailed | TimeoutError):
                raise Unavailable(f"no process of {memory_mb} MB could be started: {error}") from error
            raise
        return child

    def refill(self) -> None:
        """Order as many children as are wanted and not under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        zygote = self._zygote
        if zygote is None or not zygote.alive:
            return
        for dead in [child for child in self._spares if not child.usable]:
            self._spares.remove(dead)
            dead.close()
        under_way = sum(child.zygote is zygote for child in (*self._spares, *self._warming))
        for _ in range(len(self._takers) + self._target - under_way):
            try:
                child = zygote.spawn(memory_mb=self._memory_mb, cpu_s=self._cpu_s)
            except Unavailable:
                self.refill_within(LONGEST_PAUSE_S)
                return
            self._warming.add(child)
            child.ready.add_done_callback(partial(self._warmed, child))

    def refill_within(self, seconds: float) -> None:
        """Refill after a while, unless somebody does before."""
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._refill_late)

    def _refill_late(self) -> None:
        self._timer = None
        self.refill()

    def _warmed(self, child: Child, ready: asyncio.Future[None]) -> None:
        if child not in self._warming:
            return
        self._warming.discard(child)
        failure = ready.exception()
        if failure is None:
            self._failures = 0
            self._offer(child)
            return
        child.close()
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._turn_away(f"no process can be started: {failure}")
        self.refill_within(min(LONGEST_PAUSE_S, REFILL_S * 2**self._failures))

    def _offer(self, child: Child) -> None:
        """Give a warm child to whoever waits longest, or keep it."""
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(child)
                return
        if self._zygote is None:
            child.kill()
            child.close()
            return
        self._spares.append(child)
        while len(self._spares) > self._target:
            old = self._spares.popleft()
            old.kill()
            old.close()

    def _turn_away(self, reason: str) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_exception(Unavailable(reason))
