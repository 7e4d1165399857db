"""What a language has to bring to be run in a zygote: the seam between isolation and Python or Node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

from apps.sandbox.sidecar.zygote.control import Spawn, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What of the machine's files a language needs to see, all read-only: absolute paths of files or directories."""

    read: tuple[str, ...] = ()
    execute: tuple[str, ...] = ()
    """Files that execve may start (a program and its loader). They are readable too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One child, as its language sees it after isolate()."""

    order: Spawn
    stage: Stage
    layers: frozenset[str]
    """Those that are up. Seccomp is the one that the language itself puts up, in execute()."""
    proxy_port: int | None = None
    """Profile `net`: where the egress proxy listens on 127.0.0.1."""


class Guest(Protocol):
    """A language. One object per zygote; its methods are called in this order."""

    def shown(self) -> Shown:
        """In the zygote, with the machine's own root still in place: say which files are needed."""

    def prepare(self) -> None:
        """In the zygote, inside its root, before Landlock: import, warm up, assemble filters. Start no thread."""

    def limits(self, order: Spawn, *, baseline: int) -> Mapping[int, int]:
        """In the zygote: the memory limits by RLIMIT_ number, in bytes. `baseline` is the zygote's address space."""

    def execute(self, child: Child) -> NoReturn:
        """In the child, isolated but for seccomp: load the filter (`spawn.seal`), send READY, serve one request.

        Descriptors: 0 and 1 are /dev/null, 2 is heard once the child is gone, 3 is the stream. May raise before READY;
        the error is then reported.
        """
