"""One zygote process: how it is started, spoken to, watched, and ended."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import sys
from itertools import count
from typing import Final

from apps.sandbox.sidecar.errors import Unavailable
from apps.sandbox.sidecar.supervisor.child import Child
from apps.sandbox.sidecar.supervisor.slots import Slots
from apps.sandbox.sidecar.zygote import control, launch
from apps.sandbox.sidecar.zygote.control import CONTROL_FD

START_S: Final = 30.0
_REMEMBERED_STDERR: Final = 4096
_numbers = count(1)


class ZygoteFailed(Exception):
    """A zygote could not become what it was told to."""

    def __init__(self, message: str, *, layer: str | None = None) -> None:
        super().__init__(f"{layer}: {message}" if layer else message)
        self.layer = layer


class Zygote:
    """A warmed, isolated interpreter that forks children when told to."""

    def __init__(self, *, pid: int, channel: socket.socket, stderr: int, slots: Slots) -> None:
        self.pid = pid
        self.layers: dict[str, bool] = {}
        self.listener: socket.socket | None = None
        self.runs = 0
        self._loop = asyncio.get_running_loop()
        self._channel, self._stderr, self._slots = channel, stderr, slots
        self._children: dict[int, Child] = {}
        self._said = b""
        self._staged: asyncio.Future[control.Staged] = self._loop.create_future()
        self._staged.add_done_callback(lambda future: future.cancelled() or future.exception())
        self.exited: asyncio.Future[None] = self._loop.create_future()
        self.heard_at = self._loop.time()
        self._pidfd = os.pidfd_open(pid)
        self._loop.add_reader(self._pidfd, self._ended)
        self._loop.add_reader(channel, self._hear)
        self._loop.add_reader(stderr, self._read_stderr)

    @classmethod
    async def start(cls, stage: control.Stage, *, slots: Slots) -> Zygote:
        """Exec a zygote and wait until it is staged; raises ZygoteFailed with the layer that could not be put up."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            pid, reading = _launch(theirs)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        zygote = cls(pid=pid, channel=ours, stderr=reading, slots=slots)
        zygote._send(stage)
        try:
            staged = await asyncio.wait_for(asyncio.shield(zygote._staged), START_S)
        except BaseException as error:
            zygote.kill_all()
            if isinstance(error, TimeoutError):
                raise ZygoteFailed(f"it was not ready after {START_S:g} s") from None
            raise
        zygote.layers = staged.layers
        return zygote

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return not self.exited.done()

    @property
    def children(self) -> int:
        """How many of its children are not reaped yet."""
        return len(self._children)

    def spawn(self, *, memory_mb: int, cpu_s: int) -> Child:
        """Order a child; its `ready` says when it can take a request."""
        slot = self._slots.take()
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:  # no descriptor is left: for a while, and the slot must not be lost over it
            self._slots.give_back(slot)
            raise Unavailable(f"no process can be started: {error.strerror}") from None
        ours.setblocking(False)
        number = next(_numbers)
        child = Child(number, zygote=self, slot=slot, memory_mb=memory_mb, cpu_s=cpu_s, stream=ours)
        self._children[number] = child
        with theirs:
            order = control.Spawn(id=number, slot=slot, memory_mb=memory_mb, cpu_s=cpu_s)
            if not self._send(order, fds=[theirs.fileno()]):
                self._forget(number, None)
        return child

    def kill(self, number: int) -> None:
        """End one child."""
        self._send(control.Kill(id=number))

    def ping(self) -> None:
        """Ask for a sign of life: `heard_at` moves on."""
        self._send(control.Ping())

    def kill_all(self) -> None:
        """End the zygote, and with it every child."""
        if self.alive:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def stop(self, *, timeout_s: float = 1.0) -> None:
        """Close the channel, which ends the zygote and its children; insist after a while."""
        if self.alive:
            self._channel.shutdown(socket.SHUT_RDWR)
            await asyncio.wait([self.exited], timeout=timeout_s)
            self.kill_all()
            await asyncio.wait([self.exited], timeout=timeout_s)

    def _send(self, message: control.Message, *, fds: list[int] | None = None) -> bool:
        try:
            control.send(self._channel, message, fds=fds or ())
        except BlockingIOError:  # it has not read for so long that the channel is full
            self.kill_all()
            return False
        except OSError:  # it is gone; `_ended` says so
            return False
        return True

    def _hear(self) -> None:
        try:
            while (heard := control.receive(self._channel)) is not None:
                self._take(*heard)
        except BlockingIOError:
            return
        except (control.ControlBroken, OSError):
            self.kill_all()
        self._loop.remove_reader(self._channel)

    def _take(self, message: control.Message, fds: list[int]) -> None:
        self.heard_at = self._loop.time()
        match message:
            case control.Reaped(id=number):
                self._forget(number, message)
            case control.Failed(id=number, message=reason):
                if child := self._children.get(number):
                    child.failed(reason)
                self._forget(number, None)
            case control.Staged():
                self.listener = socket.socket(fileno=fds.pop(0)) if fds else None
                if not self._staged.done():
                    self._staged.set_result(message)
            case control.Fatal(layer=layer, message=reason):
                if not self._staged.done():
                    self._staged.set_exception(ZygoteFailed(reason, layer=layer))
        for fd in fds:
            os.close(fd)

    def _forget(self, number: int, news: control.Reaped | None) -> None:
        child = self._children.pop(number, None)
        if child is not None:
            self._slots.give_back(child.slot)
            child.is_reaped(news)

    def _ended(self) -> None:
        """The process is gone: reap it, and tell everyone who waits for it or for its children."""
        self._loop.remove_reader(self._pidfd)
        os.waitpid(self.pid, 0)
        os.close(self._pidfd)
        self._hear_the_rest()
        self._read_stderr()
        self._loop.remove_reader(self._channel)
        self._loop.remove_reader(self._stderr)
        self._channel.close()
        os.close(self._stderr)
        self.exited.set_result(None)
        for number in list(self._children):
            self._forget(number, None)
        if not self._staged.done():
            self._staged.set_exception(ZygoteFailed(self._last_words() or "it ended while it was starting"))

    def _hear_the_rest(self) -> None:
        if self._channel.fileno() >= 0:
            self._hear()

    def _read_stderr(self) -> None:
        try:
            while said := os.read(self._stderr, _REMEMBERED_STDERR):
                self._said = (self._said + said)[-_REMEMBERED_STDERR:]
                sys.stderr.write(said.decode(errors="replace"))
                sys.stderr.flush()
        except BlockingIOError:
            return
        self._loop.remove_reader(self._stderr)

    def _last_words(self) -> str:
        lines = self._said.decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""


def _launch(channel: socket.socket) -> tuple[int, int]:
    """Exec a zygote; return its pid, and where its stderr can be read."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        return _exec(channel=channel.fileno(), stderr=writing), reading
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)


def _exec(*, channel: int, stderr: int) -> int:
    """Start the interpreter with an empty environment and nothing open but 0, 1, 2 and the channel as 3."""
    command = launch.command()
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    # Out of the way of the low numbers that they are about to be copied to.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20) for fd in (nothing, stderr, channel)]
    try:
        return os.posix_spawn(
            command[0],
            command,
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, high[0], 0),
                (os.POSIX_SPAWN_DUP2, high[0], 1),
                (os.POSIX_SPAWN_DUP2, high[1], 2),
                (os.POSIX_SPAWN_DUP2, high[2], CONTROL_FD),
            ],
            setpgroup=0,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGXFSZ],
        )
    finally:
        for fd in (nothing, *high):
            os.close(fd)
