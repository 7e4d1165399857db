"""What an operator decides about the egress proxy, and the form in which its process is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.sandbox.sidecar.egress.policy import EgressPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How much one connection through the proxy may take, and how many there are at a time."""

    connections: int = 64
    header_bytes: int = 16_384
    header_s: float = 10.0
    resolve_s: float = 5.0
    connect_s: float = 10.0
    idle_s: float = 30.0
    total_s: float = 65.0  # longer than any run may last
    linger_s: float = 5.0  # without a byte, once one side has nothing more to say
    sent_bytes: int = 16 * 1024 * 1024
    received_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressSettings:
    """The operator's lists in the text in which they were given, and the caps."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    ports: tuple[int, ...] = (80, 443)
    caps: Caps = field(default_factory=Caps)

    def policy(self) -> EgressPolicy:
        """The rules, read. Raises ValueError with the entry that cannot be read."""
        return EgressPolicy.parse(allow=self.allow, deny=self.deny, ports=self.ports)

    def to_message(self) -> dict[str, Any]:
        """As JSON for the proxy's process."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> EgressSettings:
        """What `to_message` gave."""
        return cls(
            allow=tuple(message["allow"]),
            deny=tuple(message["deny"]),
            ports=tuple(message["ports"]),
            caps=Caps(**message["caps"]),
        )
