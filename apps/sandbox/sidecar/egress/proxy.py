"""The forward proxy: tunnels (CONNECT) and plain http requests, one of them per connection."""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus

from apps.sandbox.sidecar.egress.dial import Resolver, SystemResolver, open_upstream
from apps.sandbox.sidecar.egress.exchange import Exchange
from apps.sandbox.sidecar.egress.heads import ProxyRequest, parse_request
from apps.sandbox.sidecar.egress.ledger import Ledger
from apps.sandbox.sidecar.egress.pumps import reset
from apps.sandbox.sidecar.egress.refusals import Refused, malformed
from apps.sandbox.sidecar.egress.settings import EgressSettings


class EgressProxy:
    """Serves listeners that live in empty network namespaces, and connects from its own."""

    def __init__(self, settings: EgressSettings, *, resolve: Resolver | None = None) -> None:
        self._policy, self._caps = settings.policy(), settings.caps
        self._resolve = resolve or SystemResolver()
        self._servers: dict[int, asyncio.Server] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self.ledger = Ledger()

    async def listen(self, listener: socket.socket, *, generation: int) -> None:
        """Serve a listening socket; it belongs to the proxy from now on."""
        listener.setblocking(False)
        server = await asyncio.start_server(self._accept, sock=listener, limit=self._caps.header_bytes)
        self._servers[generation] = server

    def forget(self, *, generation: int) -> None:
        """Accept no more on that listener. What is open goes on; its guests are about to end."""
        if (server := self._servers.pop(generation, None)) is not None:
            server.close()

    async def close(self) -> None:
        """Accept no more, and break off what is open."""
        for generation in list(self._servers):
            self.forget(generation=generation)
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a guest, from its head to its end."""
        exchange = Exchange(reader, writer, caps=self._caps, ledger=self.ledger)
        try:
            await self._answer(reader, exchange)
        except Refused as refusal:
            self.ledger.note(refusal)
            await exchange.refuse(refusal)
        except (OSError, asyncio.CancelledError):
            reset(writer)  # the proxy ends, or one of the two sides hung up
        except Exception as exc:  # noqa: BLE001 - the border: a mistake here ends one connection, not the proxy
            self.ledger.failed[f"internal:{type(exc).__name__}"] += 1
            reset(writer)
        finally:
            exchange.close()

    async def _answer(self, reader: asyncio.StreamReader, exchange: Exchange) -> None:
        if self.ledger.active >= self._caps.connections:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too_many", "Too many connections are open; try again")
        self.ledger.active += 1
        try:
            async with asyncio.timeout(self._caps.total_s) as limit:
                await self._carry_out(await self._request(reader), exchange)
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise Refused(HTTPStatus.GATEWAY_TIMEOUT, "total_time", "The connection was open for too long") from exc
        finally:
            self.ledger.active -= 1

    async def _request(self, reader: asyncio.StreamReader) -> ProxyRequest:
        try:
            async with asyncio.timeout(self._caps.header_s):
                raw = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as exc:
            raise Refused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_large", "The head of the request is too large"
            ) from exc
        except asyncio.IncompleteReadError as exc:
            if not exc.partial:
                raise ConnectionResetError("the guest said nothing") from exc
            raise malformed("The head of the request is broken off") from exc
        except TimeoutError as exc:
            raise Refused(
                HTTPStatus.REQUEST_TIMEOUT, "header_timeout", "The head of the request took too long"
            ) from exc
        return parse_request(raw)

    async def _carry_out(self, request: ProxyRequest, exchange: Exchange) -> None:
        exchange.check(request.body)
        upstream = await open_upstream(
            request.host, request.port, policy=self._policy, resolve=self._resolve, caps=self._caps
        )
        if request.is_tunnel:
            self.ledger.opened["tunnels"] += 1
            await exchange.tunnel(*upstream)
        else:
            self.ledger.opened["requests"] += 1
            await exchange.forward(request, *upstream)
