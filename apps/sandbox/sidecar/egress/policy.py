"""Which addresses sandboxed code may reach: the operator's rules, and what is never public.

The rules are written and weighed as those of the console's own guarded door, which the sidecar cannot import
because it has the standard library only; a test holds the two against each other.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Not for a guest, though some of them look public to `ipaddress`.
CLOSED: tuple[Network, ...] = tuple(
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


class Reason(StrEnum):
    """Why a destination is refused; the values are what /health and the proxy's answers show."""

    PORT = "port"
    DENIED = "denied"
    NOT_LISTED = "not_listed"
    NOT_PUBLIC = "not_public"
    OWN_ADDRESS = "own_address"


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

    A deny list with `*` turns it round: then only what `allow` names is reached. Ports are those of `ports`
    and, for what an allow rule with a port means, that port.
    """

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    ports: frozenset[int] = frozenset({80, 443})

    @classmethod
    def parse(
        cls, *, allow: Iterable[str] = (), deny: Iterable[str] = (), ports: Iterable[int] = (80, 443)
    ) -> EgressPolicy:
        """Build a policy from the text of its rules. Raises ValueError on a rule or port that cannot be."""
        chosen = frozenset(ports)
        if bad := [port for port in chosen if not 0 < port < 65536]:
            raise ValueError(f"{bad[0]} is not a port")
        return cls(allow=tuple(map(Rule.parse, allow)), deny=tuple(map(Rule.parse, deny)), ports=chosen)

    def refuses_name(self, host: str, port: int) -> Reason | None:
        """Why the name alone is refused; None still leaves its addresses and the port to be checked."""
        if any(rule.names(plain_host(host), port) for rule in self.deny if not rule.is_everything):
            return Reason.DENIED
        if port not in self.ports and not any(rule.port == port for rule in self.allow):
            return Reason.PORT
        return None

    def refuses(self, host: str, port: int, address: Address) -> Reason | None:
        """Why no connection to this address, found under this name, may be opened; None when it may."""
        seen = (address, *embedded(address))
        if (reason := self.refuses_name(host, port)) is not None:
            return reason
        if any(rule.contains(each, port) for rule in self.deny for each in seen):
            return Reason.DENIED
        listed = [rule for rule in self.allow if self._means(rule, host, port, address)]
        if port not in self.ports and not any(rule.port == port for rule in listed):
            return Reason.PORT
        if listed:
            return None
        if any(rule.is_everything for rule in self.deny):
            return Reason.NOT_LISTED
        return None if all(map(is_public, seen)) else Reason.NOT_PUBLIC

    def lists(self, host: str, port: int, address: Address) -> bool:
        """Whether the operator's allow list means this destination."""
        return any(self._means(rule, host, port, address) for rule in self.allow)

    @staticmethod
    def _means(rule: Rule, host: str, port: int, address: Address) -> bool:
        return rule.names(plain_host(host), port) or rule.contains(address, port)


def embedded(address: Address) -> tuple[Address, ...]:
    """IPv4 addresses that a packet to this IPv6 address may end up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    inner: list[Address] = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    inner.extend(address.teredo or ())
    if address in _NAT64 or int(address) >> 32 == 0:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(inner)


def is_public(address: Address) -> bool:
    """Whether the address, seen by itself, belongs to the public internet."""
    if any(address in network for network in CLOSED) or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        # Mapped and NAT64 addresses are as public as the IPv4 address inside, which is checked on its own.
        return address in _GLOBAL_V6 or address in _NAT64 or address.ipv4_mapped is not None
    return address.is_global


def plain_host(host: str) -> str:
    """A host as rules name it: lower case, without brackets and final dot."""
    return host.lower().removeprefix("[").removesuffix("]").rstrip(".")
