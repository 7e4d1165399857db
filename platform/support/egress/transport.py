"""An httpx transport that resolves names itself and connects only to addresses that the policy permits."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterable
from functools import lru_cache
from typing import Any

import httpcore
import httpx

from support.egress.policy import Address, EgressPolicy, EgressRefused, port_of


def open_client(policy: EgressPolicy, **options: Any) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` whose every connection passes the policy; the environment's proxies are ignored.

    `options` are those of httpx (timeout, headers, follow_redirects, ...), without those that go round the
    guard; `verify=False` takes any certificate. A refused address raises EgressRefused from the request.
    """
    if bypassing := {"transport", "mounts", "proxy", "proxies", "trust_env", "app"} & options.keys():
        raise TypeError(f"open_client does not take {', '.join(sorted(bypassing))}: it would go round the guard")
    verify = bool(options.pop("verify", True))
    return httpx.AsyncClient(transport=GuardedTransport(policy, verify=verify), trust_env=False, **options)


async def read_bounded(response: httpx.Response, *, limit: int) -> tuple[bytes, bool]:
    """The first `limit` bytes of a streamed body, decoded, and whether that was all of it."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > limit:
            return bytes(body[:limit]), False
    return bytes(body), True


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport over a connection pool that resolves, checks and pins addresses itself."""

    def __init__(self, policy: EgressPolicy, *, verify: bool = True) -> None:
        self._policy = policy
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_ssl_context(verify),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            http1=True,
            network_backend=_GuardedBackend(policy),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check the name, then send; the pool's backend checks the address when it has to connect."""
        host, port = request.url.raw_host.decode("ascii"), port_of(request.url)
        if not self._policy.permits_name(host, port):
            raise _refusal(host, port)
        raw = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            response = await self._pool.handle_async_request(raw)
        except tuple(_TRANSLATED) as exc:
            raise _translate(exc, request) from exc
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_ResponseStream(response, request),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _ResponseStream(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response, self._request = response, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.aiter_stream():
                yield piece
        except tuple(_TRANSLATED) as exc:
            raise _translate(exc, self._request) from exc

    async def aclose(self) -> None:
        await self._response.aclose()


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens sockets only to addresses that the policy permits."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        deadline = None if timeout is None else time.monotonic() + timeout
        found = await _resolve(host, port, timeout=timeout)
        permitted = [address for address in found if self._policy.permits(host, port, address)]
        if not permitted:
            raise _refusal(host, port)
        failure: Exception = httpcore.ConnectError("no address")
        for tried, address in enumerate(permitted):
            # The first addresses may not use up the time of the later ones.
            left = None if deadline is None else max(0.05, deadline - time.monotonic()) / (len(permitted) - tried)
            try:
                return await self._inner.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise EgressRefused("Unix sockets are not reached over HTTP.")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def _resolve(host: str, port: int, *, timeout: float | None) -> list[Address]:
    """Every address of the name, once each. Odd spellings of a number (0x7f.1) are resolved like a name."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as exc:
        raise httpcore.ConnectTimeout(f"resolving {host} took too long") from exc
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError(f"{host} cannot be resolved") from exc
    return list(dict.fromkeys(ipaddress.ip_address(info[4][0]) for info in infos))


@lru_cache(maxsize=2)
def _ssl_context(verify: bool) -> ssl.SSLContext:
    """Shared by all clients: loading the certificate bundle takes tens of milliseconds."""
    return httpx.create_ssl_context(verify=verify)


def _refusal(host: str, port: int) -> EgressRefused:
    return EgressRefused(
        f"{host}:{port} may not be reached from here. An operator can allow it with EGRESS_ALLOW.",
        host=host,
        port=port,
    )


_TRANSLATED: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.TimeoutException: httpx.TimeoutException,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.NetworkError: httpx.NetworkError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.ProtocolError: httpx.ProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}


def _translate(exc: Exception, request: httpx.Request) -> httpx.TransportError:
    """The pool's exception as the one that users of httpx catch."""
    return _TRANSLATED.get(type(exc), httpx.TransportError)(str(exc), request=request)
