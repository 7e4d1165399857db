"""The life of a staged zygote: one thread that takes orders, reaps children, and kills those that attack."""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from apps.sandbox.sidecar.kernel import calls
from apps.sandbox.sidecar.zygote import control
from apps.sandbox.sidecar.zygote.control import Failed, Kill, Ping, Pong, Reaped, Spawn, Spawned
from apps.sandbox.sidecar.zygote.last_words import LastWords
from apps.sandbox.sidecar.zygote.spawn import fork_child
from apps.sandbox.sidecar.zygote.staging import Staging

CLOCKS_AGREE = 0.75
"""The kernel enforces the limit of CPU time by another clock than it accounts by: on a busy virtual machine, a child
that has used up its second is said to have used 0.88 s. It may always be off by so much."""


@dataclass(slots=True)
class _Living:
    order: Spawn
    pid: int
    last_words: LastWords
    killed: bool = False
    system_call: str | None = None


class Loop:
    """Serves the control channel until the supervisor closes it."""

    def __init__(self, staging: Staging, channel: socket.socket) -> None:
        self._staging = staging
        self._channel = channel
        self._by_id: dict[int, _Living] = {}
        self._by_pid: dict[int, _Living] = {}
        self._wakeup = _wake_on_child_exit()

    def run(self) -> None:
        """Poll; return when the supervisor is gone. Whoever calls this ends the process, and with it all children."""
        serve: dict[int, Callable[[], bool]] = {self._channel.fileno(): self._take_order, self._wakeup: self._reap}
        if self._staging.watch is not None:
            serve[self._staging.watch] = self._stop_attacker
        poll = select.poll()
        for fd in serve:
            poll.register(fd, select.POLLIN)
        while True:
            for fd, events in poll.poll():
                if events & ~select.POLLIN and fd == self._staging.watch:
                    poll.unregister(fd)
                elif not serve[fd]():
                    return

    def _take_order(self) -> bool:
        received = control.receive(self._channel)
        if received is None:
            return False
        message, fds = received
        try:
            match message:
                case Spawn():
                    self._spawn(message, fds)
                case Kill():
                    self._kill(message.id)
                case Ping():
                    self._say(Pong())
                case _:
                    raise control.ControlBroken(f"{message.op!r} is nothing that a zygote is told")
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _spawn(self, order: Spawn, fds: list[int]) -> None:
        if len(fds) != 1 or order.id in self._by_id:
            self._say(Failed(id=order.id, message="a spawn needs one descriptor and an id that is not in use"))
            return
        last_words = LastWords()
        try:
            pid = fork_child(self._staging, order, fds[0], stderr=last_words.writable)
        except OSError as error:
            last_words.forked()
            last_words.hear()
            self._say(Failed(id=order.id, message=str(error)))
            return
        last_words.forked()
        self._by_id[order.id] = self._by_pid[pid] = _Living(order, pid, last_words)
        self._say(Spawned(id=order.id))

    def _kill(self, identity: int) -> None:
        living = self._by_id.get(identity)
        if living is not None:
            living.killed = True
            os.kill(living.pid, signal.SIGKILL)  # not reaped yet, so the pid is still its own

    def _stop_attacker(self) -> bool:
        assert self._staging.watch is not None
        held = calls.receive_notification(self._staging.watch)
        if held is None:
            return True
        try:
            # The group's leader is the child, whichever of its threads made the call.
            living = self._by_pid.get(os.getpgid(held.pid))
        except ProcessLookupError:
            return True
        if living is None:
            calls.refuse(self._staging.watch, held)
        elif calls.is_held(self._staging.watch, held):
            living.system_call = living.system_call or held.name
            os.kill(living.pid, signal.SIGKILL)
        return True

    def _reap(self) -> bool:
        os.read(self._wakeup, 4096)
        while self._by_pid:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                break
            living = self._by_pid.pop(pid)
            del self._by_id[living.order.id]
            self._say(_report(living, status, usage))
        return True

    def _say(self, message: control.Message) -> None:
        with suppress(BrokenPipeError):  # reading will tell, and end the loop
            control.send(self._channel, message)


def _report(living: _Living, status: int, usage: resource.struct_rusage) -> Reaped:
    exit_code = os.waitstatus_to_exitcode(status)
    cpu_ms = int((usage.ru_utime + usage.ru_stime) * 1000)
    ended_by = -exit_code if exit_code < 0 else None
    out_of_cpu = cpu_ms >= living.order.cpu_s * 1000 * CLOCKS_AGREE
    if ended_by == signal.SIGKILL and out_of_cpu and not living.killed and living.system_call is None:
        # The limit of CPU time ends a child with SIGKILL, as a kill of ours would.
        ended_by = signal.SIGXCPU
    return Reaped(
        id=living.order.id,
        code=exit_code if exit_code >= 0 else None,
        signal=None if ended_by is None else int(ended_by),
        cpu_ms=cpu_ms,
        peak_kb=usage.ru_maxrss,
        system_call=living.system_call,
        last_words=living.last_words.hear(),
    )


def _wake_on_child_exit() -> int:
    readable, writable = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable
