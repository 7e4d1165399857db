"""Serves HTTP/1.1 connections: one request at a time each, with deadlines, and a hang-up ends the request."""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from apps.sandbox.sidecar.errors import Mistaken, RequestRefused, Unavailable
from apps.sandbox.sidecar.http.parser import Head, RequestParser
from apps.sandbox.sidecar.http.response import CONTINUE, Response

MAX_CONNECTIONS: Final = 1024
#: Of the descriptors that the process may open, what connections leave to processes and their streams.
LEFT_TO_PROCESSES: Final = 0.5
#: How much may be pipelined behind a request before reading stops.
MAX_PIPELINED_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a connection may be idle, a head or a body may take, and a refused client may go on sending."""

    idle_s: float = 75.0
    head_s: float = 10.0
    body_s: float = 30.0
    linger_s: float = 2.0
    sweep_s: float = 0.5


class Application(Protocol):
    """What the server serves."""

    def admit(self, head: Head, *, peer_uid: int | None) -> None:
        """Raise RequestRefused if the body should not even be read."""

    async def answer(self, head: Head, body: bytes, *, peer_uid: int | None) -> Response:
        """Answer one request; cancelled if the client hangs up."""

    def refuse(self, head: Head | None, error: RequestRefused) -> Response:
        """Shape an error."""


class _State(Enum):
    HEAD = auto()
    BODY = auto()
    ANSWERING = auto()
    CLOSING = auto()


class Server:
    """Every open connection, and the clock that ends slow ones."""

    def __init__(self, application: Application, *, max_body_bytes: int, deadlines: Deadlines | None = None) -> None:
        self.application = application
        self.deadlines = deadlines or Deadlines()
        self.max_body_bytes = max_body_bytes
        self._connections: set[_Connection] = set()
        self._listener: asyncio.AbstractServer | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        unlimited = files == resource.RLIM_INFINITY
        self._most = MAX_CONNECTIONS if unlimited else min(MAX_CONNECTIONS, int(files * (1 - LEFT_TO_PROCESSES)))

    async def listen(self, bound: socket.socket) -> None:
        """Accept connections on a bound socket, which the server owns from now on."""
        loop = asyncio.get_running_loop()
        make: Callable[[], asyncio.Protocol] = lambda: _Connection(self)  # noqa: E731
        if bound.family == socket.AF_UNIX:
            self._listener = await loop.create_unix_server(make, sock=bound, backlog=256)
        else:
            self._listener = await loop.create_server(make, sock=bound, backlog=256)
        self._sweep()

    def stop_accepting(self) -> None:
        """Take no further connection, and no further request on those that are open."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close_when_idle()

    async def drain(self, *, timeout_s: float) -> None:
        """Let answers go out, then drop what is left."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while self._connections and loop.time() < end:
            await asyncio.sleep(0.01)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._connections):
            connection.abort()

    def add(self, connection: _Connection) -> bool:
        """Count a new connection; False if there are too many."""
        if len(self._connections) >= self._most:
            return False
        self._connections.add(connection)
        return True

    def remove(self, connection: _Connection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)

    def _sweep(self) -> None:
        """One timer for all connections: a deadline may be late by half a second, and costs a request nothing."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._connections):
            connection.check(now)
        self._sweeper = loop.call_later(self.deadlines.sweep_s, self._sweep)


class _Connection(asyncio.Protocol):
    """One client: reads a head, a body, answers, and starts again."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._deadlines = server.deadlines
        self._parser = RequestParser(max_body_bytes=server.max_body_bytes)
        self._loop = asyncio.get_running_loop()
        self._state = _State.HEAD
        self._head: Head | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline = self._loop.time() + self._deadlines.head_s
        self._peer_uid: int | None = None
        self._paused = self._blocked = False
        self._last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn who is at the other end."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._server.add(self):
            transport.abort()
            return
        self._peer_uid = _peer_uid(transport.get_extra_info("socket"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the request of a client that is gone."""
        self._state = _State.CLOSING
        self._server.remove(self)
        if self._task is not None:
            self._task.cancel()

    def eof_received(self) -> bool:
        """A client that has closed its side waits for nothing: a unix socket cannot tell a half-close apart."""
        return False

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request in progress lets the next one wait."""
        if self._state is _State.CLOSING:
            return
        if self._state is _State.HEAD and not self._parser.buffered:
            # Never later than it was: empty lines before a request are let pass, and could go on for ever.
            self._deadline = min(self._deadline, self._loop.time() + self._deadlines.head_s)
        self._parser.feed(data)
        if self._state is not _State.ANSWERING and not self._blocked:
            self._advance()
        elif self._parser.buffered > MAX_PIPELINED_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Answer nothing more to a client that does not read its answers."""
        self._blocked = True

    def resume_writing(self) -> None:
        """Go on once the client has read."""
        self._blocked = False
        if self._state is _State.HEAD and self._parser.buffered:
            self._advance()

    def check(self, now: float) -> None:
        """Close the connection if its deadline has passed."""
        if self._state is not _State.ANSWERING and now > self._deadline:
            self.abort()

    def close_when_idle(self) -> None:
        """Finish the request in progress, if any, and close."""
        self._last = True
        if self._state is _State.HEAD and not self._parser.buffered:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.abort()

    def _advance(self) -> None:
        try:
            if self._state is _State.HEAD and not self._take_head():
                return
            assert self._head is not None
            body = self._parser.body(self._head.length)
        except RequestRefused as error:
            self._refuse(error)
            return
        if body is None:
            return
        self._state = _State.ANSWERING
        self._task = self._loop.create_task(self._answer(self._head, body))

    def _take_head(self) -> bool:
        head = self._parser.head()
        if head is None:
            return False
        self._head = head
        if self._last:
            raise Unavailable("the sandbox is stopping")
        self._server.application.admit(head, peer_uid=self._peer_uid)
        self._state = _State.BODY
        self._deadline = self._loop.time() + self._deadlines.body_s
        if head.expects_continue and self._parser.buffered < head.length:
            self._transport.write(CONTINUE)
        return True

    async def _answer(self, head: Head, body: bytes) -> None:
        try:
            response = await self._server.application.answer(head, body, peer_uid=self._peer_uid)
        except RequestRefused as error:
            response = self._server.application.refuse(head, error)
        except Exception:  # noqa: BLE001 - the border: a mistake here costs one request its answer, not the sidecar
            traceback.print_exc()
            response = self._server.application.refuse(head, Mistaken("the sandbox made a mistake; see its log"))
        self._task = None
        keep_alive = head.keep_alive and not self._last and not response.closes
        self._transport.write(response.to_bytes(keep_alive=keep_alive, with_body=head.method != "HEAD"))
        self._head = None
        if not keep_alive:
            self._state = _State.CLOSING
            self._transport.close()
            return
        self._state = _State.HEAD
        self._deadline = self._loop.time() + (
            self._deadlines.head_s if self._parser.buffered else self._deadlines.idle_s
        )
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        if self._parser.buffered and not self._blocked:
            self._advance()

    def _refuse(self, error: RequestRefused) -> None:
        """Answer an error before the body is read; then read and forget, so that the client gets to see it."""
        response = self._server.application.refuse(self._head, error)
        with_body = self._head is None or self._head.method != "HEAD"
        self._transport.write(response.to_bytes(keep_alive=False, with_body=with_body))
        self._state = _State.CLOSING
        self._deadline = self._loop.time() + self._deadlines.linger_s
        if self._transport.can_write_eof():
            self._transport.write_eof()


def _peer_uid(connected: socket.socket) -> int | None:
    """Ask the kernel who connected; None on TCP."""
    if connected.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
