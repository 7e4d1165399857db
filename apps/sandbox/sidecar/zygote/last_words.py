"""What a runtime says on its stderr while it dies: the one place where it tells why.

A child's own output goes over its stream; descriptor 2 is where V8, the C library or CPython write when there is no
stream to be had any more, and then abort. The signal alone tells little: the first process of a pid namespace cannot
be ended by its own SIGABRT, and dies of whatever the C library tries next.
"""

from __future__ import annotations

import os

LONGEST = 300
_KEPT_BY_A_PIPE = 64 * 1024
_TELLING = (b"FATAL ERROR:", b"# Fatal", b"Fatal ", b"terminate called", b"what():")


class LastWords:
    """A pipe for one child: it writes at `writable`, and the zygote reads once the child is gone."""

    def __init__(self) -> None:
        # A child that fills it goes on without: it is never read meanwhile.
        self._readable, self.writable = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def forked(self) -> None:
        """In the zygote: the child has its copy."""
        os.close(self.writable)

    def hear(self) -> str | None:
        """The line that says most of what was written, and the end of it."""
        try:
            said = os.read(self._readable, _KEPT_BY_A_PIPE)
        except BlockingIOError:
            said = b""
        finally:
            os.close(self._readable)
        lines = [line.strip() for line in said.splitlines() if line.strip(b"# ")]
        telling = [line for line in lines if line.startswith(_TELLING)] or lines[-1:]
        return b" ".join(telling)[:LONGEST].decode("ascii", "replace") or None
