"""Real servers on the loopback interface, and a proxy with a name service that tests can steer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from apps.sandbox.sidecar.egress.proxy import EgressProxy
from apps.sandbox.sidecar.egress.settings import Caps, EgressSettings

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CAPS = Caps(header_s=1, resolve_s=0.5, connect_s=1, idle_s=1, total_s=5, linger_s=0.3)


class Upstream:
    """A server that records what it is sent and gives one answer to every connection."""

    def __init__(self, answer: bytes, *, hold: bool) -> None:
        self.answer, self.hold = answer, hold
        self.port = 0
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.ended = 0
        self.tasks: set[asyncio.Task | None] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            self.bodies.append(await self._body(head, reader))
            writer.write(self.answer)
            await writer.drain()
            if self.hold:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.ended += 1
            writer.close()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks)
        await asyncio.sleep(0)

    @staticmethod
    async def _body(head: str, reader: asyncio.StreamReader) -> bytes:
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        if "chunked" in fields.get("transfer-encoding", ""):
            return await reader.readuntil(b"0\r\n\r\n")
        return await reader.readexactly(int(fields.get("content-length", 0)))


@asynccontextmanager
async def upstream(answer: bytes = HELLO, *, host: str = "127.0.0.1", hold: bool = False) -> AsyncIterator[Upstream]:
    """A running upstream; with `hold` it keeps connections open after its answer."""
    it = Upstream(answer, hold=hold)
    server = await asyncio.start_server(it.accept, host, 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        await it.close()


class Names:
    """A name service whose answers are given, one after the other for a list of lists."""

    def __init__(self, **answers: list) -> None:
        self.answers = {name.replace("_", "."): given for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        given = self.answers.get(host, [host])
        if given == ["never"]:
            await asyncio.sleep(60)
        return given.pop(0) if given and isinstance(given[0], list) else given


@asynccontextmanager
async def proxying(
    *allow: str, deny: Sequence[str] = (), ports: Sequence[int] = (80, 443), names: Names | None = None, **caps: float
) -> AsyncIterator[tuple[EgressProxy, int]]:
    """A proxy on a loopback port."""
    settings = EgressSettings(allow=allow, deny=tuple(deny), ports=tuple(ports), caps=replace(CAPS, **caps))
    proxy = EgressProxy(settings, resolve=names)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    await proxy.listen(listener, generation=1)
    try:
        yield proxy, port
    finally:
        await proxy.close()


async def settled(proxy: EgressProxy) -> bool:
    """Whether nothing is left open, soon."""
    async with asyncio.timeout(3):
        while proxy.ledger.active:
            await asyncio.sleep(0.01)
    return True


async def say(port: int, *pieces: bytes, end: bool = False) -> bytes:
    """Connect, write the pieces, and give everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


async def get(port: int, url: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """One plain request through the proxy."""
    head = "\r\n".join([f"{method} {url} HTTP/1.1", "Host: ignored", *headers, "", ""])
    return await say(port, head.encode() + body)


async def connect(port: int, destination: str, *pieces: bytes) -> bytes:
    """One tunnel through the proxy."""
    return await say(port, f"CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n\r\n".encode(), *pieces)


def status(answer: bytes) -> int:
    """The status of an answer."""
    return int(answer.split(b" ")[1])
