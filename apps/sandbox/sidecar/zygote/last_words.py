"""What a runtime says on its stderr while it dies: the one place where it tells why.

A child's own output goes over its stream; descriptor 2 is where V8, the C library or CPython write when there is no
stream to be had any more, and then abort. The signal alone tells little: the first process of a pid namespace cannot
be ended by its own SIGABRT, and dies of whatever the C library tries next.

What was said belongs to that run, and every later child is a copy of the zygote. So the zygote never lets it into its
memory for good: it is read into a place that forks do not copy, looked through there, and wiped out.
"""

from __future__ import annotations

import mmap
import os
from functools import cache

PHRASES = ("out of memory", "javascript OOM", "Allocation failed", "bad_alloc")
"""What V8 and the C++ library say before they abort because memory was refused to them."""
_KEPT_BY_A_PIPE = 64 * 1024


class LastWords:
    """A pipe for one child: it writes at `writable`, and the zygote listens once the child is gone."""

    def __init__(self) -> None:
        # A child that fills it goes on without: it is never read meanwhile.
        self._readable, self.writable = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def forked(self) -> None:
        """In the zygote: the child has its copy."""
        os.close(self.writable)

    def hear(self) -> str | None:
        """Which of the phrases is in what was written: ours, so that nothing of the child's is kept."""
        place = _place()
        try:
            length = os.readv(self._readable, [place])
        except BlockingIOError:
            return None
        finally:
            os.close(self._readable)
        try:
            return next((phrase for phrase in PHRASES if place.find(phrase.encode(), 0, length) >= 0), None)
        finally:
            place[:length] = bytes(length)


@cache
def _place() -> mmap.mmap:
    """Memory of the zygote's alone."""
    place = mmap.mmap(-1, _KEPT_BY_A_PIPE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    place.madvise(mmap.MADV_DONTFORK)
    return place
