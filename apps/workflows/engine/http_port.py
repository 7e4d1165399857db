"""What nodes need of HTTP: a request that leaves the platform, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeouts:
    """Seconds: to connect, to wait for the next bytes, to get rid of ours."""

    connect: float = 10.0
    read: float = 600.0
    write: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request. `private` headers are for the first host only: a redirect to another one goes without them."""

    method: str
    url: str
    params: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    private: frozenset[str] = frozenset()
    content: bytes = b""
    timeouts: HttpTimeouts = HttpTimeouts()
    verify_tls: bool = True
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer, whatever its status; header names are in lower case, `url` is the last one asked."""

    status: int
    url: str
    headers: Sequence[tuple[str, str]] = ()
    content: bytes = b""
    charset: str = "utf-8"

    def header(self, name: str) -> str:
        """The first header of that name, or nothing."""
        return next((value for key, value in self.headers if key == name), "")


class HttpPort(Protocol):
    """The guarded way out. Raises NodeFailure: egress_refused, http_unreachable, http_timeout, http_too_large ..."""

    async def send(self, request: HttpRequest) -> HttpResponse: ...
