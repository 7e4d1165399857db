"""One connection of a guest once it is known what it wants: the tunnel, or the request and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from apps.sandbox.sidecar.egress.heads import Answer, Body, ProxyRequest, bad_gateway, parse_answer
from apps.sandbox.sidecar.egress.ledger import Ledger
from apps.sandbox.sidecar.egress.pumps import Pump, reset
from apps.sandbox.sidecar.egress.refusals import Refused
from apps.sandbox.sidecar.egress.settings import Caps


class Exchange:
    """The guest's side and, once opened, the server's; counts bytes and watches for silence."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, caps: Caps, ledger: Ledger
    ) -> None:
        self._reader, self._writer = reader, writer
        self._caps, self._ledger = caps, ledger
        self._upstream: asyncio.StreamWriter | None = None
        self._answered = False
        self._last_byte = 0.0
        self._half_closed = False

    def check(self, body: Body) -> None:
        """Refuse a request whose body says that it is too long, before anybody is connected to."""
        self._pump(self._reader, self._writer, self._caps.sent_bytes, self._sent).check(body)

    async def tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on in both directions until both sides have finished."""
        self._upstream = writer
        self._answered = True
        self._writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._writer.drain()
        up = self._pump(self._reader, writer, self._caps.sent_bytes, self._sent)
        down = self._pump(reader, self._writer, self._caps.received_bytes, self._received)
        await self._while_heard(self._one_way(up, writer), self._one_way(down, self._writer), quiet=True)

    async def forward(self, request: ProxyRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send one request and pass its answer on; a second request needs another connection."""
        self._upstream = writer
        up = self._pump(self._reader, writer, self._caps.sent_bytes, self._sent)
        down = self._pump(reader, self._writer, self._caps.received_bytes, self._received)
        await up.send(request.head())
        sending = asyncio.ensure_future(self._send_body(up, request.body))
        try:
            await self._while_heard(self._pass_answer(down, reader, request, sending))
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def refuse(self, refusal: Refused) -> None:
        """Answer with the refusal, or break off when an answer has begun."""
        if self._answered:
            reset(self._writer)
            return
        self._writer.write(refusal.answer())
        try:
            async with asyncio.timeout(self._caps.linger_s):
                await self._writer.drain()
                self._writer.write_eof()
                while await self._reader.read(65_536):
                    pass  # closing with unread bytes would reset the connection and lose the answer
        except (OSError, RuntimeError):
            reset(self._writer)

    def close(self) -> None:
        """Close what is open; what is written already still gets its time to leave."""
        for writer in (self._writer, self._upstream):
            if writer is not None:
                writer.close()
                asyncio.get_running_loop().call_later(self._caps.linger_s, writer.transport.abort)

    async def _send_body(self, up: Pump, body: Body) -> None:
        await up.body(body)
        while await self._reader.read(65_536):
            pass  # a request sent ahead: the answer's `Connection: close` says that it was not taken
        self._half_closed = True  # it has gone, or it only listens now: the answer may not take long

    async def _pass_answer(
        self, down: Pump, reader: asyncio.StreamReader, request: ProxyRequest, sending: asyncio.Future[None]
    ) -> None:
        passing = asyncio.ensure_future(self._pass_heads_and_body(down, reader, request))
        try:
            await asyncio.wait({passing, sending}, return_when=asyncio.FIRST_COMPLETED)
            if not passing.done() and isinstance(sending.exception(), Refused):
                await sending
            # Otherwise the server took no more of the body, but may have said why.
            await passing
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)

    async def _pass_heads_and_body(self, down: Pump, reader: asyncio.StreamReader, request: ProxyRequest) -> None:
        while True:
            answer = await self._answer(reader, request.method)
            down.check(answer.body)
            self._answered = self._answered or not answer.is_interim
            await down.send(answer.head())
            if not answer.is_interim:
                return await down.body(answer.body)

    async def _answer(self, reader: asyncio.StreamReader, method: str) -> Answer:
        try:
            return parse_answer(await reader.readuntil(b"\r\n\r\n"), to=method)
        except asyncio.IncompleteReadError as exc:
            raise bad_gateway("no_answer", "The server closed the connection without an answer") from exc
        except asyncio.LimitOverrunError as exc:
            raise bad_gateway("bad_answer", "The head of the server's answer is too large") from exc

    async def _one_way(self, pump: Pump, writer: asyncio.StreamWriter) -> None:
        await pump.until_end()
        self._half_closed = True
        if writer.can_write_eof():
            writer.write_eof()

    async def _while_heard(self, *directions: Coroutine[Any, Any, None], quiet: bool = False) -> None:
        """Wait for all directions, as long as a byte moves now and then; quiet: silence may be the end."""
        loop = asyncio.get_running_loop()
        self._last_byte = loop.time()
        tasks = {asyncio.ensure_future(each) for each in directions}
        waiting = set(tasks)
        try:
            while waiting:
                patience = self._caps.linger_s if self._half_closed else self._caps.idle_s
                left = self._last_byte + patience - loop.time()
                if left <= 0 and self._half_closed and quiet:
                    return  # one side had finished, and the other never said so
                if left <= 0:
                    raise Refused(HTTPStatus.GATEWAY_TIMEOUT, "idle", "Nothing was said for too long")
                done, waiting = await asyncio.wait(
                    waiting, timeout=min(left, self._caps.linger_s), return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        cap: int,
        count: Callable[[int], None],
    ) -> Pump:
        return Pump(reader, writer, cap=cap, count=count)

    def _sent(self, size: int) -> None:
        self._ledger.sent_bytes += size
        self._last_byte = asyncio.get_running_loop().time()

    def _received(self, size: int) -> None:
        self._ledger.received_bytes += size
        self._last_byte = asyncio.get_running_loop().time()
