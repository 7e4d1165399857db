"""One child of a zygote as the supervisor sees it: a stream, and news of its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from apps.sandbox.sidecar.zygote.control import Reaped
from apps.sandbox.sidecar.zygote.frames import FAULT, READY, FrameReader, FrameViolation

if TYPE_CHECKING:
    from apps.sandbox.sidecar.supervisor.zygotes import Zygote

#: Small enough that taking one apart, even into the shortest frames, keeps nobody else waiting for long.
_CHUNK: Final = 64 * 1024
_LONGEST_FAULT: Final = 4096


class ChildFailed(Exception):
    """A child ended before it could take a request."""


class Child:
    """A forked and isolated process: it waits for its one request, works on it, and is gone."""

    def __init__(
        self, number: int, *, zygote: Zygote, slot: int, memory_mb: int, cpu_s: int, stream: socket.socket
    ) -> None:
        self.number = number
        self.zygote = zygote
        self.slot = slot
        self.memory_mb = memory_mb
        self.cpu_s = cpu_s
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.reaped: asyncio.Future[Reaped | None] = self._loop.create_future()
        self._stream = stream
        self._frames = FrameReader({READY: 0, FAULT: _LONGEST_FAULT})
        self._listener: Callable[[bytes], None] = self._warming
        self._unsent = memoryview(b"")
        self._open = True
        self.ready.add_done_callback(_retrieve)
        self._loop.add_reader(stream, self._readable)

    @property
    def usable(self) -> bool:
        """Whether it waits for a request."""
        return self._open and not self.reaped.done() and self.ready.done() and self.ready.exception() is None

    def dispatch(self, request: bytes, listener: Callable[[bytes], None]) -> None:
        """Send the request; the listener gets what the child writes, and b"" at the end."""
        self._listener = listener
        self._unsent = memoryview(request)
        self._writable()

    def kill(self) -> None:
        """End the process; `reaped` says when it is gone."""
        if not self.reaped.done():
            self.zygote.kill(self.number)

    def close(self) -> None:
        """Let go of the stream."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._stream)
            self._loop.remove_writer(self._stream)
            self._stream.close()

    def failed(self, reason: str) -> None:
        """The zygote could not make it, or it ended too early."""
        if not self.ready.done():
            self.ready.set_exception(ChildFailed(reason))

    def is_reaped(self, news: Reaped | None) -> None:
        """Take the news of its end; None when its zygote ended with it."""
        if not self.reaped.done():
            self.reaped.set_result(news)
        self.failed("the process ended while it was being isolated")

    def _readable(self) -> None:
        try:
            data = self._stream.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # it ended with a part of its request unread
        if not data:
            self._loop.remove_reader(self._stream)
        self._listener(data)

    def _warming(self, data: bytes) -> None:
        if not data:
            self.failed("the process ended while it was being isolated")
            self.close()
            return
        try:
            frames = list(self._frames.feed(data))
        except FrameViolation as violation:
            frames = [(FAULT, str(violation).encode())]
        if frames == [(READY, b"")] and not self.ready.done():
            self.ready.set_result(None)
        elif frames:
            self.failed(frames[-1][1].decode(errors="replace") or "it spoke out of turn")
            self.close()
            self.kill()

    def _writable(self) -> None:
        try:
            sent = self._stream.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(self._unsent)  # it is gone; the end of the stream says so
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._loop.add_writer(self._stream, self._writable)
        else:
            self._loop.remove_writer(self._stream)


def _retrieve(future: asyncio.Future[None]) -> None:
    """Mark the failure of a spare as seen: the pool learns of it from the child itself."""
    if not future.cancelled():
        future.exception()
