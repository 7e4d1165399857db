"""One started child: its process, its output on the way to the log, and how it is ended."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field

from console.embedded.children import Child
from console.embedded.console_log import LineSplitter
from console.embedded.spawn import spawn

READ_SIZE = 65_536


@dataclass(slots=True, kw_only=True, eq=False)
class Running:
    """A child that was started and has not been reaped."""

    child: Child
    process: subprocess.Popen[bytes]
    output: int
    started_at: float
    ready: bool = False
    splitter: LineSplitter = field(default_factory=LineSplitter)

    def read(self) -> tuple[list[bytes], bool]:
        """New complete lines, and whether more may come."""
        try:
            piece = os.read(self.output, READ_SIZE)
        except BlockingIOError:
            return [], True
        return (self.splitter.feed(piece), True) if piece else (self.splitter.finish(), False)

    def signal(self, number: int) -> None:
        """Signal the process itself."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """Kill whatever is left of the child's session, grandchildren included."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def start(child: Child) -> Running:
    """Start the child with its output in a pipe to us."""
    reader, writer = os.pipe()
    try:
        process = spawn(
            child.argv,
            environment=child.environment,
            directory=child.directory,
            output=writer,
            death_signal=child.death_signal,
            identity=child.identity,
        )
    finally:
        os.close(writer)
    os.set_blocking(reader, False)
    return Running(child=child, process=process, output=reader, started_at=time.monotonic())
