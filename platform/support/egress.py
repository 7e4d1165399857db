"""The one guarded HTTP door: every request to an address that somebody typed in leaves through here.

The name is resolved here, each address is checked, and the connection goes to an address that passed; so a
name that answers differently the second time (DNS rebinding) gains nothing. Every redirect is a new request
through the same check. TLS still verifies the name, because only the socket is pinned, not the URL.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import httpcore
import httpx

from support.errors import ConsoleError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Not for a guest, though some of them look public to `ipaddress`.
_CLOSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # the metadata service of one large cloud has a public address
        *("2001::/23", "2001:db8::/32", "3fff::/20"),
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class EgressRefused(ConsoleError):
    """The address may not be reached from here. It never says what the name resolved to."""

    code: ClassVar[str] = "egress_refused"
    http_status: ClassVar[int] = 403
    retryable: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of a list: a host, `*.suffix`, an address or a network, each with or without a port."""

    host: str = ""
    suffix: str = ""
    network: Network | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read `host`, `host:port`, `*.suffix`, `10.0.0.0/8`, `[::1]:8080`, `*`. Raises ValueError."""
        entry = text.strip().lower()
        port: int | None = None
        name, colon, digits = entry.rpartition(":")
        if colon and digits.isdigit() and (name.endswith("]") or ":" not in name):
            entry, port = name, int(digits)
        entry = entry.removeprefix("[").removesuffix("]").removesuffix(".")
        if not entry or (entry == "*" and "*." in text) or "//" in entry or any(char.isspace() for char in entry):
            raise ValueError(f"{text!r} is not a host, a *.suffix, an address or a network")
        try:
            return cls(network=ipaddress.ip_network(entry, strict=False), port=port)
        except ValueError:
            if "/" in entry:
                raise
        if entry == "*":
            return cls(suffix="*", port=port)
        if entry.startswith("*."):
            return cls(suffix=entry[1:], port=port)
        return cls(host=entry, port=port)

    @property
    def is_everything(self) -> bool:
        """Whether this is the rule `*`."""
        return self.suffix == "*" and self.port is None

    def names(self, host: str, port: int) -> bool:
        """Whether the rule means this host by name."""
        if self.port not in (None, port):
            return False
        return self.suffix == "*" or (bool(self.suffix) and host.endswith(self.suffix)) or host == self.host

    def contains(self, address: Address, port: int) -> bool:
        """Whether the rule means this address by number."""
        return self.port in (None, port) and self.network is not None and address in self.network


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """What may be reached: every public address, plus `allow`, minus `deny`; deny wins.

    A deny list with `*` turns it round: then only what `allow` names is reached.
    """

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, *, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> EgressPolicy:
        """Build a policy from the text of its rules. Raises ValueError on a rule that cannot be read."""
        return cls(allow=tuple(map(Rule.parse, allow)), deny=tuple(map(Rule.parse, deny)))

    def allowing(self, *entries: str) -> EgressPolicy:
        """The same policy with more exceptions, for hosts that the operator chose."""
        return replace(self, allow=(*self.allow, *map(Rule.parse, entries)))

    def permits_name(self, host: str, port: int) -> bool:
        """False when the name alone is refused; True still leaves its addresses to be checked."""
        return not any(rule.names(_plain(host), port) for rule in self.deny if not rule.is_everything)

    def permits(self, host: str, port: int, address: Address) -> bool:
        """Whether a connection to this address, found under this name, may be opened."""
        seen = (address, *_embedded(address))
        if not self.permits_name(host, port):
            return False
        if any(rule.contains(each, port) for rule in self.deny for each in seen):
            return False
        if any(rule.names(_plain(host), port) or rule.contains(address, port) for rule in self.allow):
            return True
        if any(rule.is_everything for rule in self.deny):
            return False
        return all(_is_public(each) for each in seen)


def policy_from_env(environ: Mapping[str, str]) -> EgressPolicy:
    """The operator's policy: EGRESS_ALLOW and EGRESS_DENY, comma separated."""

    def entries(name: str) -> list[str]:
        return [entry for entry in environ.get(name, "").split(",") if entry.strip()]

    return EgressPolicy.parse(allow=entries("EGRESS_ALLOW"), deny=entries("EGRESS_DENY"))


def host_and_port(url: str) -> str:
    """`host:port` of a URL, as a rule that allows exactly that."""
    parsed = httpx.URL(url)
    host = parsed.raw_host.decode("ascii")
    return f"[{host}]:{_port(parsed)}" if ":" in host else f"{host}:{_port(parsed)}"


def open_client(policy: EgressPolicy, **options: Any) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` whose every connection passes the policy; the environment's proxies are ignored.

    `options` are those of httpx (timeout, headers, follow_redirects, ...), without those that go round the
    guard. A refused address raises EgressRefused from the request.
    """
    if bypassing := {"transport", "mounts", "proxy", "proxies", "trust_env", "app"} & options.keys():
        raise TypeError(f"open_client does not take {', '.join(sorted(bypassing))}: it would go round the guard")
    return httpx.AsyncClient(transport=GuardedTransport(policy), trust_env=False, **options)


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

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            http1=True,
            network_backend=_GuardedBackend(policy),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check the name, then send; the pool's backend checks the address when it has to connect."""
        host, port = request.url.raw_host.decode("ascii"), _port(request.url)
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


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    """Shared by all clients: loading the certificate bundle takes tens of milliseconds."""
    return httpx.create_ssl_context()


def _embedded(address: Address) -> tuple[Address, ...]:
    """IPv4 addresses that a packet to this IPv6 address may end up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    inner: list[Address] = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    inner.extend(address.teredo or ())
    if address in _NAT64 or int(address) >> 32 == 0:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(inner)


def _is_public(address: Address) -> bool:
    if any(address in network for network in _CLOSED) or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        # Mapped and NAT64 addresses are as public as the IPv4 address inside, which is checked on its own.
        return address in _GLOBAL_V6 or address in _NAT64 or address.ipv4_mapped is not None
    return address.is_global


def _plain(host: str) -> str:
    return host.lower().removeprefix("[").removesuffix("]").rstrip(".")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


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
