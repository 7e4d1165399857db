"""A small supervisor for tests: starts a real zygote and talks to it over the raw control channel."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from apps.sandbox.sidecar.zygote import control, frames, launch
from apps.sandbox.sidecar.zygote.control import Defaults, Kill, Message, Ping, Reaped, Spawn, Stage

LARGEST = {
    frames.READY: 0,
    frames.FAULT: 8192,
    **dict.fromkeys((frames.STDOUT, frames.STDERR, frames.RESULT), 64 << 20),
}
PATIENCE_S = 20.0


class ZygoteRefused(Exception):
    """The zygote answered the stage order with `fatal`, or ended."""


@dataclass
class Outcome:
    """Everything that came of one run."""

    result: dict[str, Any] | None = None
    stdout: str = ""
    stderr: str = ""
    fault: str | None = None
    reaped: Reaped | None = None

    @property
    def outputs(self) -> Any:
        assert self.result is not None, self
        assert self.result["ok"], self
        return self.result["outputs"]

    @property
    def error(self) -> dict[str, Any]:
        assert self.result is not None, self
        assert not self.result["ok"], self
        error: dict[str, Any] = self.result["error"]
        return error


@dataclass
class Child:
    id: int
    slot: int
    stream: socket.socket
    reader: frames.FrameReader = field(default_factory=lambda: frames.FrameReader(LARGEST))
    outcome: Outcome = field(default_factory=Outcome)
    ready: bool = False

    def read_once(self, deadline: float) -> bool:
        """Take what has arrived; False at the end of the stream."""
        self.stream.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self.stream.recv(1 << 16)
        except ConnectionResetError:
            return False
        for kind, body in self.reader.feed(data):
            match kind:
                case frames.READY:
                    self.ready = True
                case frames.FAULT:
                    self.outcome.fault = body.decode()
                case frames.STDOUT:
                    self.outcome.stdout += body.decode()
                case frames.STDERR:
                    self.outcome.stderr += body.decode()
                case frames.RESULT if self.outcome.result is None:
                    self.outcome.result = json.loads(body)
        return bool(data)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self.ready:
            if not self.read_once(deadline):
                raise AssertionError(f"the child ended before it was ready: {self.outcome}")

    def send(self, request: dict[str, Any]) -> None:
        self.stream.sendall(frames.pack_request(json.dumps(request).encode()))


class Zygote:
    """One zygote process and its children."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self.process, self.channel = process, channel
        self.staged: control.Staged
        self.listener: socket.socket | None = None
        self.reaped: dict[int, Reaped] = {}
        self.messages: list[Message] = []
        self._next = 0
        self._free_slots = list(range(40))

    def stage(self, order: Stage) -> None:
        control.send(self.channel, order)
        received = control.receive(self.channel)
        if received is None:
            raise ZygoteRefused("the zygote ended")
        message, fds = received
        if not isinstance(message, control.Staged):
            raise ZygoteRefused(str(message))
        self.staged = message
        if fds:
            self.listener = socket.socket(fileno=fds[0])

    def spawn(self, *, memory_mb: int = 256, cpu_s: int = 10) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._next += 1
        slot = self._free_slots.pop(0)
        order = Spawn(id=self._next, slot=slot, memory_mb=memory_mb, cpu_s=cpu_s)
        with theirs:
            control.send(self.channel, order, fds=[theirs.fileno()])
        return Child(id=order.id, slot=slot, stream=ours)

    def kill(self, child: Child) -> None:
        control.send(self.channel, Kill(id=child.id))

    def ping(self) -> None:
        control.send(self.channel, Ping())

    def take_message(self, timeout_s: float = PATIENCE_S) -> Message | None:
        """The next message from the zygote, noted; None when nothing comes in time."""
        if not select.select([self.channel], [], [], timeout_s)[0]:
            return None
        received = control.receive(self.channel)
        if received is None:
            raise ZygoteRefused("the zygote ended")
        message = received[0]
        self.messages.append(message)
        if isinstance(message, Reaped):
            self.reaped[message.id] = message
        return message

    def wait_reaped(self, child: Child, timeout_s: float = PATIENCE_S) -> Reaped:
        deadline = time.monotonic() + timeout_s
        while child.id not in self.reaped:
            if self.take_message(max(0.0, deadline - time.monotonic())) is None:
                raise AssertionError(f"child {child.id} is not reaped")
        self._free_slots.append(child.slot)
        return self.reaped[child.id]

    def finish(self, child: Child, *, wall_s: float = PATIENCE_S) -> Outcome:
        """Read to the end of the stream, kill what takes longer, and wait until the child is reaped."""
        deadline = time.monotonic() + wall_s
        try:
            while child.read_once(deadline):
                pass
        except TimeoutError:
            self.kill(child)
        child.outcome.reaped = self.wait_reaped(child)
        child.stream.close()
        return child.outcome

    def run(
        self,
        code: str,
        inputs: dict[str, Any] | None = None,
        *,
        mode: str = "function",
        wall_s: float = 10,
        **limits: int,
    ) -> Outcome:
        child = self.spawn(**limits)
        child.wait_ready()
        child.send({"mode": mode, "code": code, "inputs": inputs or {}, "timeout_s": wall_s})
        return self.finish(child, wall_s=wall_s)


@contextmanager
def zygote(
    *,
    mode: str,
    profile: str = "base",
    language: str = "python3",
    paths: tuple[str, ...] = (),
    preload: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    net: bool = False,
    defaults: Defaults | None = None,
    node: str | None = None,
    command: Sequence[str] | None = None,
) -> Iterator[Zygote]:
    """A staged zygote, of this process's interpreter and user unless another command is given."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = _start(theirs, command or launch.command())
    theirs.close()
    running = Zygote(process, ours)
    try:
        running.stage(
            Stage(
                profile=profile,
                mode=mode,
                language=language,
                paths=paths,
                preload=preload,
                without=without,
                net=net,
                defaults=defaults or Defaults(),
                node=node,
            )
        )
        yield running
    finally:
        ours.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


MOVE_CHANNEL = """
import os, sys
given = int(sys.argv[1])
if given != 3:
    os.dup2(given, 3)
    os.close(given)
os.execv(sys.argv[2], sys.argv[2:])
"""


def _start(channel: socket.socket, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Exec a zygote with the channel at descriptor 3."""
    number = channel.fileno()
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", MOVE_CHANNEL, str(number), *command],
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(number,),
    )
