"""The way to the sandbox: its address and key from the settings, and its health for synchronous code.

Requests to it do not pass `support.egress`, and must not. That door is for addresses which users type in: it refuses
unix sockets, private and loopback addresses, and those are where a sandbox lives. This address comes from the
operator's environment and from nowhere else. Proxies of the environment are ignored: code and key go to the sandbox
and to nobody between.
"""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop

from apps.sandbox import answers
from apps.sandbox.address import SandboxAddress, parse_address
from apps.sandbox.errors import SandboxError, SandboxOff, SandboxUnreachable

MOST_OF_HEALTH = 4 * 1024 * 1024
#: Runs and logs are told in English; the admin's page says the same in the language of its reader.
NOT_CONFIGURED = gettext_noop("No sandbox is configured (SANDBOX_URL).")
NO_ANSWER = gettext_noop("The sandbox does not answer. It may be starting; its log says more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the sandbox is and how to get in. The key is kept out of `repr` and of every message."""

    address: SandboxAddress | None
    api_key: str = field(default="", repr=False)

    @classmethod
    def from_settings(cls) -> Door:
        """What the operator configured."""
        return cls(address=parse_address(settings.SANDBOX_URL), api_key=settings.SANDBOX_API_KEY)

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"X-Api-Key": self.api_key} if self.api_key else {}

    def why_closed(self) -> SandboxError:
        """What a failed connection means: declined to start, or just not there."""
        if self.address is None:
            return SandboxOff(NOT_CONFIGURED)
        if declined := self.address.refusal():
            return SandboxOff(declined)
        return SandboxUnreachable(NO_ANSWER)


def ask_health(door: Door, *, timeout_s: float = 2.0) -> dict[str, Any]:
    """What the sandbox says of itself, for synchronous code: one try. Raises SandboxError."""
    if door.address is None:
        raise door.why_closed()
    try:
        with closing(_connect(door.address, timeout_s)) as connection:
            prefix = urlsplit(door.address.base_url).path
            connection.request("GET", f"{prefix}/health", headers=door.headers())
            response = connection.getresponse()
            return answers.facts_of(response.status, response.read(MOST_OF_HEALTH))
    except (OSError, HTTPException) as exc:
        raise door.why_closed() from exc


class _UnixConnection(HTTPConnection):
    """HTTP over a unix socket. (httpx's synchronous transport leaves the socket open when nobody listens.)"""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("sandbox", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _connect(address: SandboxAddress, timeout_s: float) -> HTTPConnection:
    """A connection that is opened by its first request; this library knows no proxies."""
    if address.socket is not None:
        return _UnixConnection(address.socket, timeout_s)
    parts = urlsplit(address.base_url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout_s)
