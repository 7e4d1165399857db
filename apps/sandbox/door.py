"""The way to the sandbox: its address and key from the settings, and its health for synchronous code.

Requests to it do not pass `support.egress`, and must not. That door is for addresses which users type in: it refuses
unix sockets, private and loopback addresses, and those are where a sandbox lives. This address comes from the
operator's environment and from nowhere else. Proxies of the environment are ignored: code and key go to the sandbox
and to nobody between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from django.conf import settings

from apps.sandbox import answers
from apps.sandbox.address import SandboxAddress, parse_address
from apps.sandbox.errors import SandboxError, SandboxOff, SandboxUnreachable

NOT_CONFIGURED = "No sandbox is configured (SANDBOX_URL)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the sandbox is and how to get in. The key is kept out of `repr` and of every message."""

    address: SandboxAddress | None
    api_key: str = field(default="", repr=False)

    @classmethod
    def from_settings(cls) -> Door:
        """What the operator configured."""
        return cls(address=parse_address(settings.SANDBOX_URL), api_key=settings.SANDBOX_API_KEY)

    def options(self) -> dict[str, Any]:
        """What httpx's clients need, without the transport."""
        headers = {"X-Api-Key": self.api_key} if self.api_key else {}
        return {"base_url": self.address.base_url if self.address else "", "headers": headers, "trust_env": False}

    @property
    def socket(self) -> str | None:
        """The path of the unix socket, if it is one."""
        return str(self.address.socket) if self.address and self.address.socket else None

    def why_closed(self) -> SandboxError:
        """What a failed connection means: declined to start, or just not there."""
        if self.address is None:
            return SandboxOff(NOT_CONFIGURED)
        if declined := self.address.refusal():
            return SandboxOff(declined)
        return SandboxUnreachable("The sandbox does not answer. It may be starting; its log says more.")


def ask_health(door: Door, *, timeout_s: float = 2.0) -> dict[str, Any]:
    """What the sandbox says of itself, for synchronous code: one try. Raises SandboxError."""
    if door.address is None:
        raise door.why_closed()
    transport = httpx.HTTPTransport(uds=door.socket, trust_env=False)
    try:
        with httpx.Client(transport=transport, timeout=timeout_s, **door.options()) as http:
            response = http.get("/health")
    except httpx.HTTPError as exc:
        raise door.why_closed() from exc
    return answers.facts_of(response.status_code, response.content)
