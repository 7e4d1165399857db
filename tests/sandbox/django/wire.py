"""A server on a unix socket that answers as it is told: a double of the wire, with real sockets and real bytes.

What it was asked is in `requests`, in order; `left` counts clients that went away before they had their answer.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK = {
    "status": "ok",
    "outputs": {"answer": 42},
    "error": None,
    "stdout": "",
    "stderr": "",
    "usage": {"wall_ms": 1.5, "cpu_ms": 0.5, "peak_kb": 9000},
}


@dataclass(frozen=True)
class Says:
    """One answer."""

    status: int = 200
    body: Any = field(default_factory=lambda: OK)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HangsUp:
    """Read the request, then close the connection."""


@dataclass(frozen=True)
class Waits:
    """Read the request, then say nothing until the client goes."""


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """The server's script and its memory."""

    def __init__(self) -> None:
        #: What it says when the script is at its end.
        self.usual = Says()
        self.script: deque[Says | HangsUp | Waits] = deque()
        self.requests: list[Seen] = []
        self.connections = 0
        self.open = 0
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while (request := await self._read(reader)) is not None:
                self.requests.append(request)
                if not await self._answer(self.script.popleft() if self.script else self.usual, reader, writer):
                    return
        finally:
            self.open -= 1
            writer.close()

    async def _answer(
        self, turn: Says | HangsUp | Waits, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if isinstance(turn, Waits):
            assert await reader.read(1) == b""
            self.left.set()
        if not isinstance(turn, Says):
            return False
        body = turn.body if isinstance(turn.body, bytes) else json.dumps(turn.body).encode()
        head = [f"HTTP/1.1 {turn.status} Said", f"Content-Length: {len(body)}", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in turn.headers.items()]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()
        return True

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> Seen | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, path, _ = first.split(" ")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Seen(method=method, path=path, headers=headers, body=body)


@asynccontextmanager
async def listening(socket: Path) -> AsyncIterator[Wire]:
    """A server on the socket, for as long as the block lasts."""
    wire = Wire()
    server = await asyncio.start_unix_server(wire.serve, socket)
    try:
        yield wire
    finally:
        server.close()
        with suppress(FileNotFoundError):
            socket.unlink()
