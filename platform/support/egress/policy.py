"""Which addresses may be reached: the operator's rules, and what is never public."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

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
        return not any(rule.names(plain_host(host), port) for rule in self.deny if not rule.is_everything)

    def permits(self, host: str, port: int, address: Address) -> bool:
        """Whether a connection to this address, found under this name, may be opened."""
        seen = (address, *_embedded(address))
        if not self.permits_name(host, port):
            return False
        if any(rule.contains(each, port) for rule in self.deny for each in seen):
            return False
        if any(rule.names(plain_host(host), port) or rule.contains(address, port) for rule in self.allow):
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
    return f"[{host}]:{port_of(parsed)}" if ":" in host else f"{host}:{port_of(parsed)}"


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


def plain_host(host: str) -> str:
    """A host as rules name it: lower case, without brackets and final dot."""
    return host.lower().removeprefix("[").removesuffix("]").rstrip(".")


def port_of(url: httpx.URL) -> int:
    """The URL's port, also where it is not written."""
    return url.port or (443 if url.scheme == "https" else 80)
