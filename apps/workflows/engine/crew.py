"""Who works in a run: tasks that take ready nodes, timers, and the moment when nothing is left to do.

A few workers share one agenda of ready nodes of all frames, so a chain stays in one task and a wide graph spreads over
as many tasks as the limits allow. A container that waits for its rounds, and a node that waits for a place, keep
nobody from working.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from apps.workflows.engine.agenda import Agenda
from apps.workflows.engine.clock import Clock
from apps.workflows.engine.frame import Frame
from apps.workflows.engine.graph import PlanNode
from apps.workflows.engine.places import FairPlaces, Share, Ticket

logger = logging.getLogger(__name__)

#: A worker lets the event loop breathe after this many nodes or seconds, whichever comes first.
_BREATH_NODES = 64
_BREATH_SECONDS = 0.001
#: How long nodes may take to clean up before they are left alone.
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The places of all runs of a process, and by which name this run asks for them."""

    places: FairPlaces
    share: Share


class Crew:
    """The workers of one run: at most `most` at once, and no more than the house has places for."""

    def __init__(
        self, perform: Callable[[Frame, PlanNode], Awaitable[None]], *, clock: Clock, most: int, house: House | None
    ) -> None:
        self._perform = perform
        self._clock = clock
        self._most = most
        self._house = house
        self._ticket: Ticket | None = None
        self._agenda = Agenda()
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: dict[asyncio.TimerHandle, Frame] = {}
        #: Workers that wait: containers for their rounds, others for a place somewhere.
        self._containing = 0
        self._aside = 0
        #: Containers whose round is over and that are about to go on.
        self._waking = 0
        self.closed = False
        #: Done when there is nothing to do any more, whatever the reason.
        self.rest: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # Work

    def add(self, frame: Frame, node: int) -> None:
        """A node is ready."""
        self._agenda.add(frame, node)

    def hire(self) -> None:
        """Have one more task take ready nodes, unless a limit is reached or nothing is ready."""
        if not self._agenda or self.closed or len(self._workers) - self._containing - self._aside >= self._most:
            return
        house = self._house
        if house is not None and not house.places.take(house.share):
            if self._ticket is None:
                self._ticket = house.places.queue(house.share, self._admitted)
            return
        self._start()

    def _admitted(self) -> None:
        """The house has a place for us now."""
        self._ticket = None
        if self._agenda and not self.closed:
            self._start()
        elif self._house is not None:
            self._house.places.give_back(self._house.share)

    def _start(self) -> None:
        worker = asyncio.get_running_loop().create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if self._house is not None:
            self._house.places.give_back(self._house.share)
        error = None if worker.cancelled() else worker.exception()
        if self.closed or self.rest.done():
            return
        if error is not None:
            self.rest.set_exception(error)
            return
        self.hire()  # something may have become ready after this worker had looked
        self.look_for_rest()

    async def _work(self) -> None:
        """Take ready nodes until there are none; what follows a node is usually run by the same task."""
        elapsed, agenda, house = self._clock.elapsed, self._agenda, self._house
        since, count = elapsed(), 0
        while agenda and not self.closed:
            frame, index = agenda.take()
            if frame.closed:
                continue
            if agenda:
                self.hire()
            await self._perform(frame, frame.plan.nodes[index])
            count += 1
            if house is not None and house.places.crowded and house.places.waits_other_than(house.share):
                return  # somebody else's turn; this run stands in line for what is left
            if count >= _BREATH_NODES or elapsed() - since > _BREATH_SECONDS:
                await asyncio.sleep(0)
                since, count = elapsed(), 0

    # Waiting

    def contains(self) -> None:
        """A worker waits for the rounds of its container."""
        self._containing += 1
        self._step_out()

    def contains_no_more(self) -> None:
        """And goes on."""
        self._containing -= 1
        self._step_in()

    def stands_aside(self) -> None:
        """A worker waits for a place somewhere."""
        self._aside += 1
        self._step_out()
        self.hire()

    def comes_back(self) -> None:
        """And has it."""
        self._aside -= 1
        self._step_in()

    def _step_out(self) -> None:
        if self._house is not None:
            self._house.places.give_back(self._house.share)

    def _step_in(self) -> None:
        if self._house is not None:
            self._house.places.take_anyway(self._house.share)

    def wakes(self) -> None:
        """A container's round is over: it is about to go on."""
        self._waking += 1

    def woken(self) -> None:
        """It goes on, or never will."""
        self._waking -= 1

    def later(self, frame: Frame, node: int, delay: float) -> None:
        """Come back to a node by a timer: no worker waits, and the siblings go on."""

        def again() -> None:
            del self._timers[timer]
            self._agenda.add(frame, node)
            self.hire()
            self.look_for_rest()

        timer = asyncio.get_running_loop().call_later(delay, again)
        self._timers[timer] = frame

    def forget_timers(self, frame: Frame) -> None:
        """Nothing of this frame is tried again."""
        for timer in [timer for timer, owner in self._timers.items() if owner is frame]:
            timer.cancel()
            del self._timers[timer]

    # The end

    def look_for_rest(self) -> None:
        """Is anything left to do? A container that waits for its rounds does nothing itself."""
        idle = len(self._workers) == self._containing and not self._waking
        if idle and not self._agenda and not self._timers:
            self.rest_now()

    def look_for_rest_soon(self) -> None:
        """The same, once whoever is about to go on has done so."""
        if not self.closed:
            asyncio.get_running_loop().call_soon(self.look_for_rest)

    def rest_now(self) -> None:
        """There is nothing to do any more."""
        if not self.rest.done():
            self.rest.set_result(None)

    def dismiss(self) -> set[asyncio.Task[None]]:
        """Start nothing more, and cancel what runs; returns the tasks that are ending."""
        self.closed = True
        if self._ticket is not None and self._house is not None:
            self._house.places.forget(self._ticket)
            self._ticket = None
        for timer in self._timers:
            timer.cancel()
        workers = set(self._workers)
        for worker in workers:
            worker.cancel()
        return workers

    async def gone(self, workers: set[asyncio.Task[None]]) -> None:
        """Wait until they have ended; those that do not are left alone."""
        left = {worker for worker in workers if not worker.done()}
        if left:
            _, left = await asyncio.wait(left, timeout=_PATIENCE)
        if left:
            logger.warning("%s nodes did not stop within %s s", len(left), _PATIENCE)
        for worker in workers - left:
            with suppress(asyncio.CancelledError):
                worker.exception()
