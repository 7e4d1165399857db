"""The one loop: starts children when they are due, relays their lines, restarts the dead, stops all in order.

Single-threaded on purpose: a child's death signal is tied to the thread that started it, and forking is safe
only while no other thread holds a lock.
"""

import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from console.embedded import children as decide
from console.embedded import leftovers
from console.embedded.children import Child
from console.embedded.console_log import FACT_MARK, LogFile, Terminal
from console.embedded.errors import ServiceFailed
from console.embedded.running import Running, start

BUSY_TICK = 0.05
QUIET_TICK = 5.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_LINES = 15


class Supervisor:
    """Runs a list of children until it is told to stop."""

    def __init__(
        self,
        roster: Sequence[Child],
        *,
        logs: Path,
        memory: Path,
        terminal: Terminal,
        ready_when: Collection[str],
        on_ready: Callable[[], None],
        on_fact: Callable[[dict[str, Any]], None],
    ) -> None:
        self._roster = roster
        self._memory = memory
        self._terminal = terminal
        self._ready_when = frozenset(ready_when)
        self._on_ready = on_ready
        self._on_fact = on_fact
        self._files = {child.name: LogFile(logs / f"{child.name}.log") for child in roster}
        self._tails: dict[str, list[str]] = {child.name: [] for child in roster}
        self._running: dict[str, Running] = {}
        self._restart_at: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._started: set[str] = set()
        self._facts: set[str] = set()
        self._all_ready = False
        self._stop_requests = 0
        self._selector = selectors.DefaultSelector()

    def run(self, *, facts: Collection[str] = ()) -> None:
        """Run until a stop signal; raise ServiceFailed if that is hopeless. All children are gone after."""
        self._facts |= set(facts)
        self._listen_to_signals()
        try:
            while not self._stop_requests:
                self._start_due()
                self._probe()
                self._announce_when_ready()
                self._wait(self._tick())
                self._bury()
        finally:
            self._stop_all()

    def _listen_to_signals(self) -> None:
        ours, kernels = socket.socketpair()
        for end in (ours, kernels):
            end.setblocking(False)
        signal.set_wakeup_fd(kernels.fileno(), warn_on_full_buffer=False)
        self._wakeup = (ours, kernels)
        self._selector.register(ours, selectors.EVENT_READ, None)
        for number in STOP_SIGNALS:
            signal.signal(number, self._request_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requests += 1

    def _start_due(self) -> None:
        now = time.monotonic()
        again = [name for name, when in self._restart_at.items() if when <= now]
        due = decide.due(self._roster, facts=self._facts, started=self._started)
        due += [child for child in self._roster if child.name in again]
        for child in due:
            self._restart_at.pop(child.name, None)
            self._start(child)
        if due:
            self._remember()

    def _start(self, child: Child) -> None:
        running = start(child)
        self._started.add(child.name)
        self._running[child.name] = running
        self._selector.register(running.output, selectors.EVENT_READ, running)

    def _remember(self) -> None:
        alive = self._running.values()
        leftovers.record(
            self._memory,
            processes=[(one.child.name, one.process.pid, one.child.stop_signal) for one in alive],
        )

    def _probe(self) -> None:
        for running in self._running.values():
            child = running.child
            if running.ready or child.once or (child.probe and not child.probe()):
                continue
            running.ready = True
            self._facts.add(child.name)
            if self._deaths.get(child.name):
                self._terminal.line("skep", f"{child.name} is back")

    def _announce_when_ready(self) -> None:
        if not self._all_ready and self._ready_when <= self._facts:
            self._all_ready = True
            self._on_ready()

    def _tick(self) -> float:
        if any(not running.ready and not running.child.once for running in self._running.values()):
            return BUSY_TICK
        if self._restart_at:
            return max(0.0, min(QUIET_TICK, min(self._restart_at.values()) - time.monotonic()))
        return QUIET_TICK

    def _wait(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._drain_wakeup()
            else:
                self._relay(key.data)

    def _drain_wakeup(self) -> None:
        try:
            self._wakeup[0].recv(4096)
        except BlockingIOError:
            return

    def _relay(self, running: Running) -> None:
        lines, more = running.read()
        for line in lines:
            if line.startswith(FACT_MARK):
                self._take_fact(json.loads(line[len(FACT_MARK) :]))
            else:
                self._log(running.child.name, line)
        if not more:
            self._selector.unregister(running.output)
            os.close(running.output)

    def _take_fact(self, fact: dict[str, Any]) -> None:
        self._facts.add(fact["fact"])
        self._on_fact(fact)

    def _log(self, name: str, line: bytes) -> None:
        self._files[name].write(line)
        text = line.decode(errors="replace")
        self._terminal.line(name, text)
        self._tails[name] = [*self._tails[name][1 - LAST_LINES :], text]

    def _bury(self) -> None:
        """Take note of dead children and decide what follows."""
        for running in [one for one in self._running.values() if one.process.poll() is not None]:
            del self._running[running.child.name]
            running.kill_group()
            if not self._stop_requests:
                self._after_death(running)

    def _after_death(self, running: Running) -> None:
        child, code = running.child, running.process.returncode
        if child.once and code == 0:
            self._facts.add(child.name)
            return
        self._wait(0)  # its last words
        if code == child.declines_with:
            self._terminal.line("skep", f"{child.name} is off, for the reason above; everything else works without it")
            return
        quick = decide.count_death(self._deaths.get(child.name, 0), ran_for=time.monotonic() - running.started_at)
        self._deaths[child.name] = quick
        ended = decide.how_it_ended(code)
        if decide.is_hopeless(child, quick_deaths=quick, all_ready=self._all_ready):
            raise ServiceFailed(self._obituary(child, ended))
        if child.once:
            self._terminal.line("skep", f"{child.name} {ended}")
            return
        delay = decide.restart_delay(quick)
        self._restart_at[child.name] = time.monotonic() + delay
        self._terminal.line("skep", f"{child.name} {ended}; starting it again in {delay:g} s")

    def _obituary(self, child: Child, ended: str) -> str:
        tail = "\n".join(f"    {line}" for line in self._tails[child.name])
        return f"{child.name} {ended} and Skep cannot start without it. Its last lines:\n{tail or '    (none)'}"

    def _stop_all(self) -> None:
        for stage in sorted({child.stop_stage for child in self._roster}):
            self._stop([one for one in self._running.values() if one.child.stop_stage == stage])
        for file in self._files.values():
            file.close()
        signal.set_wakeup_fd(-1)
        self._memory.unlink(missing_ok=True)

    def _stop(self, stage: list[Running]) -> None:
        for running in stage:
            running.signal(running.child.stop_signal)
        patience = max((running.child.patience for running in stage), default=0.0)
        if self._await_end(stage, patience=patience):
            return
        for running in stage:
            running.signal(running.child.impatient_signal)
        if self._await_end(stage, patience=1.0):
            return
        for running in stage:
            running.kill_group()
        self._await_end(stage, patience=1.0)

    def _await_end(self, stage: list[Running], *, patience: float) -> bool:
        deadline, asked = time.monotonic() + patience, self._stop_requests
        while left := [one for one in stage if one.process.poll() is None]:
            impatient = self._stop_requests > max(1, asked)
            if impatient or time.monotonic() > deadline:
                return False
            self._wait(min(0.1, max(0.0, deadline - time.monotonic())))
        self._wait(0)
        for running in stage:
            running.kill_group()
            self._running.pop(running.child.name, None)
        return not left
