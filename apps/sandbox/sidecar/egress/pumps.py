"""Moving bytes from one side to the other, counted against a cap, without keeping more than a piece of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus

from apps.sandbox.sidecar.egress.heads import Body, bad_gateway
from apps.sandbox.sidecar.egress.refusals import Refused, malformed

_PIECE = 64 * 1024
_CHUNK_LINE = 256


class Pump:
    """One direction of a connection. `cap` holds for everything that it ever moves."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        cap: int,
        count: Callable[[int], None],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._left, self._count = cap, count
        self.moved = 0

    async def send(self, data: bytes) -> None:
        """Write something that the proxy made itself, and count it."""
        self._take(len(data))
        self._writer.write(data)
        await self._writer.drain()

    async def body(self, body: Body) -> None:
        """Move one body, to its end and not a byte further."""
        if body.chunked:
            await self._chunks()
        elif body.length is None:
            await self.until_end()
        else:
            self.check(body)
            await self._exactly(body.length)

    def check(self, body: Body) -> None:
        """Refuse a body that says itself that it is beyond the cap. Raises Refused."""
        if body.length is not None and body.length > self._left:
            raise self._too_much()

    async def until_end(self) -> None:
        """Move whatever comes until this side has nothing more to say."""
        while data := await self._reader.read(_PIECE):
            await self.send(data)

    async def _exactly(self, length: int) -> None:
        while length:
            data = await self._reader.read(min(length, _PIECE))
            if not data:
                raise bad_gateway("cut_off", "The body ended before its length")
            length -= len(data)
            await self.send(data)

    async def _chunks(self) -> None:
        """Move a chunked body as it is: sizes, data, and the trailer up to its empty line."""
        while size := await self._chunk_size():
            await self._exactly(size + 2)
        while (line := await self._line()) != b"\r\n":
            await self.send(line)
        await self.send(b"\r\n")

    async def _chunk_size(self) -> int:
        line = await self._line()
        digits = line.split(b";")[0].strip()
        if not 0 < len(digits) < 9 or digits.strip(b"0123456789abcdefABCDEF"):
            raise malformed("A chunk's size cannot be read")
        await self.send(line)
        return int(digits, 16)

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as exc:
            raise malformed("A chunked body is broken off") from exc
        if len(line) > _CHUNK_LINE:
            raise malformed("A line of a chunked body is too long")
        return line

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise self._too_much()
        self.moved += size
        self._count(size)

    @staticmethod
    def _too_much() -> Refused:
        return Refused(
            HTTPStatus.BAD_GATEWAY, "byte_cap", "Refused by the sandbox: more bytes than one request may move"
        )


def reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side notices that something is missing."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
