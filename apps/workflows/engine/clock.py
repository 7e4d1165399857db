"""Time as the engine sees it: what o'clock it is, and how long something took."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """`now` is Unix time in seconds; `elapsed` only ever grows and has no meaning but its differences."""

    def now(self) -> float: ...

    def elapsed(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    now = staticmethod(time.time)
    elapsed = staticmethod(time.perf_counter)
