"""The sidecar's settings: the command line and the environment, read once."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apps.sandbox.protocol import JAVASCRIPT_PROFILE, PROFILE, Maxima
from apps.sandbox.sidecar.errors import StartRefused
from apps.sandbox.sidecar.zygote.layers import LAYERS, MODES

BUILT_IN_PROFILES = ("base", "template", "data", JAVASCRIPT_PROFILE, "net")
LEAST_KEY_LENGTH = 16
_YES = ("1", "true", "yes", "on")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorProfile:
    """A profile that the operator made from a virtualenv of their own."""

    name: str
    virtualenv: Path
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen: a unix socket's path, or a host and a port."""

    path: Path | None = None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that an operator decides."""

    listen: Address
    key: str | None = field(default=None, repr=False)
    floor: str = "landlock"
    concurrency: int = 4
    queue: int = 64
    spares_python: int = 4
    spares_javascript: int = 2
    node: str | None = None
    net: bool = False
    egress_allow: tuple[str, ...] = ()
    egress_deny: tuple[str, ...] = ()
    egress_ports: tuple[int, ...] = (80, 443)
    profiles: tuple[OperatorProfile, ...] = ()
    recycle_runs: int = 10_000
    recycle_minutes: float = 60.0
    watchdog_s: float = 10.0
    maxima: Maxima = field(default_factory=Maxima)
    without: tuple[str, ...] = ()
    check: bool = False


def read_config(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """Read the settings; raises StartRefused for what cannot be."""
    asked = _parser().parse_args(arguments)
    listen = parse_address(asked.listen) if asked.listen else Address()
    floor = asked.floor or environment.get("SANDBOX_FLOOR", "")
    if floor and floor not in MODES:
        raise StartRefused(f"SANDBOX_FLOOR is {floor!r}; it can be {', '.join(MODES)}")
    if floor and asked.unsafe_without:
        raise StartRefused("--unsafe-without and a floor contradict each other")
    if not asked.listen and not asked.check:
        raise StartRefused("--listen unix:PATH or --listen HOST:PORT is missing")
    return Config(
        listen=listen,
        key=_key(environment, listen, check=asked.check),
        floor=floor or "landlock",
        concurrency=asked.concurrency,
        queue=asked.queue,
        spares_python=asked.spares_python,
        spares_javascript=asked.spares_javascript,
        node=asked.node,
        net=asked.net or environment.get("SANDBOX_NET", "").lower() in _YES,
        # Not the console's own EGRESS_ALLOW: what it may reach, such as a model inside, is not everybody's code's.
        egress_allow=_list(asked.net_allow or environment.get("SANDBOX_NET_ALLOW", "")),
        egress_deny=_list(asked.net_deny or environment.get("SANDBOX_NET_DENY", "")),
        egress_ports=_ports(asked.net_ports or environment.get("SANDBOX_NET_PORTS", "") or "80,443"),
        profiles=tuple(_profile(text) for text in asked.profile),
        recycle_runs=asked.recycle_runs,
        recycle_minutes=asked.recycle_minutes,
        watchdog_s=asked.watchdog_s,
        maxima=Maxima(wall_s=asked.max_wall_s, memory_mb=asked.max_memory_mb, cpu_s=asked.max_cpu_s),
        without=tuple(asked.unsafe_without),
        check=asked.check,
    )


def parse_address(text: str) -> Address:
    """Read `unix:PATH` or `HOST:PORT`."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address(path=Path(text.removeprefix("unix:")))
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise StartRefused(f"cannot listen on {text!r}: say unix:PATH or HOST:PORT")
    return Address(host=host.strip("[]"), port=int(port))


def _key(environment: Mapping[str, str], listen: Address, *, check: bool) -> str | None:
    key = environment.get("SANDBOX_API_KEY") or None
    if key is not None and len(key) < LEAST_KEY_LENGTH:
        raise StartRefused(f"SANDBOX_API_KEY is shorter than {LEAST_KEY_LENGTH} characters")
    if key is None and listen.path is None and not check:
        raise StartRefused("SANDBOX_API_KEY is not set, and a TCP address needs a key")
    return key


def _profile(text: str) -> OperatorProfile:
    name, equals, rest = text.partition("=")
    path, _, preload = rest.partition(":")
    if not equals or not PROFILE.match(name) or not path.startswith("/"):
        raise StartRefused(f"cannot read --profile {text!r}: say NAME=/path/to/venv[:module,...]")
    if name in BUILT_IN_PROFILES:
        raise StartRefused(f"--profile {name} would replace a built-in profile")
    return OperatorProfile(name=name, virtualenv=Path(path), preload=_list(preload))


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _ports(text: str) -> tuple[int, ...]:
    ports = _list(text)
    for port in ports:
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise StartRefused(f"--net-ports: {port} is not a port")
    return tuple(int(port) for port in ports)


def _parser() -> argparse.ArgumentParser:
    cores = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    parser = argparse.ArgumentParser(prog="python -m apps.sandbox.sidecar", allow_abbrev=False)
    parser.add_argument("--listen", help="unix:PATH or HOST:PORT")
    parser.add_argument("--floor", choices=MODES, help="refuse to start in a weaker mode than this")
    parser.add_argument("--concurrency", type=_positive, default=2 * cores, help="runs at a time")
    parser.add_argument("--queue", type=int, default=64, help="runs that may wait, for each profile")
    parser.add_argument(
        "--spares-python", type=int, default=2 * cores, help="warm children of base; half as many of others"
    )
    parser.add_argument("--spares-javascript", type=int, default=cores, help="warm Node.js processes")
    parser.add_argument("--node", help="the node executable, or `off`")
    parser.add_argument("--net", action="store_true", help="offer the profile net, behind the egress proxy")
    parser.add_argument("--net-allow", default="", help="what net may reach beside the public internet, by comma")
    parser.add_argument("--net-deny", default="", help="what net may not reach, by comma; * leaves what is allowed")
    parser.add_argument("--net-ports", default="", help="the ports that net may reach, by comma (80,443)")
    parser.add_argument("--profile", action="append", default=[], help="NAME=/path/to/venv[:module,...]")
    parser.add_argument("--recycle-runs", type=_positive, default=10_000, help="runs until a zygote is replaced")
    parser.add_argument("--recycle-minutes", type=float, default=60.0, help="minutes until a zygote is replaced")
    parser.add_argument("--watchdog-s", type=float, default=10.0, help="silence after which a zygote is replaced")
    parser.add_argument("--max-wall-s", type=float, default=60.0, help="the longest run that can be asked for")
    parser.add_argument("--max-memory-mb", type=_positive, default=1024, help="the most memory that can be asked for")
    parser.add_argument("--max-cpu-s", type=_positive, default=60, help="the most processor time of a run")
    parser.add_argument(
        "--unsafe-without", action="append", default=[], choices=LAYERS, metavar="LAYER", help="for benchmarks only"
    )
    parser.add_argument("--check", action="store_true", help="say what this machine can do, and end")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 at least")
    return value
