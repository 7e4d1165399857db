"""From a name to an open socket: resolved once, each address checked, connected to one that passed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from apps.sandbox.sidecar.egress.heads import bad_gateway
from apps.sandbox.sidecar.egress.policy import Address, EgressPolicy, Reason, embedded
from apps.sandbox.sidecar.egress.refusals import Refused, forbidden
from apps.sandbox.sidecar.egress.settings import Caps

#: Gives every address of a name; raises OSError when there is none.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

_MOST_ADDRESSES = 16


class SystemResolver:
    """The machine's own name service, asked in threads because it blocks."""

    def __init__(self, *, threads: int = 32) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Every address of the name, once each. Odd spellings of a number (0x7f.1) are looked up like a name."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host, port)


def _look_up(host: str, port: int) -> Sequence[str]:
    # Bytes, because a str would be encoded as IDNA first: names are plain ASCII here, and are used as they are.
    infos = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


async def open_upstream(
    host: str, port: int, *, policy: EgressPolicy, resolve: Resolver, caps: Caps
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to an address of `host` that the policy permits. Raises Refused (403, 502 or 504)."""
    if (reason := policy.refuses_name(host, port)) is not None:
        raise forbidden(reason, host=host, port=port)
    permitted = []
    for address in await _addresses(host, port, resolve=resolve, caps=caps):
        found = policy.refuses(host, port, address)
        if found is None and not policy.lists(host, port, address) and is_own(address):
            found = Reason.OWN_ADDRESS
        if found is None:
            permitted.append(address)
        else:
            reason = found
    if not permitted:
        raise forbidden(reason or Reason.NOT_PUBLIC, host=host, port=port)
    sock = await _connect_to_one_of(permitted, port, caps=caps)
    return await asyncio.open_connection(sock=sock, limit=4 * caps.header_bytes)


def is_own(address: Address) -> bool:
    """Whether the address is one of this machine's, whose services may trust what comes from within."""
    return any(map(_is_assigned_here, (address, *embedded(address))))


def _is_assigned_here(address: Address) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))  # sends nothing; the kernel only chooses the sender's address
            return ipaddress.ip_address(probe.getsockname()[0]) == address
    except OSError:
        return False


async def _addresses(host: str, port: int, *, resolve: Resolver, caps: Caps) -> list[Address]:
    try:
        async with asyncio.timeout(caps.resolve_s):
            found = await resolve(host, port)
        addresses = [ipaddress.ip_address(each) for each in found]
    except TimeoutError as exc:
        raise Refused(HTTPStatus.GATEWAY_TIMEOUT, "resolve_timeout", "Looking up the name took too long") from exc
    except (OSError, ValueError) as exc:
        raise bad_gateway("unresolved", "The name cannot be resolved") from exc
    if not addresses:
        raise bad_gateway("unresolved", "The name cannot be resolved")
    return addresses[:_MOST_ADDRESSES]


async def _connect_to_one_of(addresses: Sequence[Address], port: int, *, caps: Caps) -> socket.socket:
    """A connected socket. The first addresses may not use up the time of the later ones."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + caps.connect_s
    timed_out = False
    for tried, address in enumerate(addresses):
        sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            share = max(0.05, deadline - loop.time()) / (len(addresses) - tried)
            async with asyncio.timeout(share):
                await loop.sock_connect(sock, (str(address), port))  # a number: there is no second look-up
        except OSError as exc:  # TimeoutError is one
            timed_out = isinstance(exc, TimeoutError)
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    if timed_out:
        raise Refused(HTTPStatus.GATEWAY_TIMEOUT, "connect_timeout", "The server did not answer in time")
    raise bad_gateway("unreachable", "The server cannot be reached")
