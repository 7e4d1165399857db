"""Start one child process that cannot outlive us: own session, death signal, chosen identity."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from console.embedded import kernel
from console.embedded.identity import Identity, Ourselves


def spawn(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    output: int | IO[bytes],
    death_signal: int = signal.SIGKILL,
    identity: Identity | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child; call it from the main thread, because the death signal is tied to the calling thread."""
    return subprocess.Popen(  # noqa: S603 - the command lines are our own
        list(argv),
        env=dict(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_before_exec(identity or Ourselves(), death_signal=death_signal),
    )


def _before_exec(identity: Identity, *, death_signal: int) -> Callable[[], None]:
    parent = os.getpid()

    def prepare() -> None:
        identity.assume()
        # After the change of identity, which resets the death signal.
        kernel.die_with_parent(death_signal)
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the death signal was in place

    return prepare
