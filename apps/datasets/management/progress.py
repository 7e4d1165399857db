"""A progress bar on standard error: one line that redraws itself, or a line now and then where nobody watches."""

from __future__ import annotations

import time
from typing import Any

WIDTH = 30
NAME = 40
QUIET_SECONDS = 5.0


class ProgressBar:
    """Draws at most ten times a second on a terminal, every few seconds elsewhere."""

    def __init__(self, stream: Any, *, total: int, label: str, shows_percent: bool = False) -> None:
        self._stream, self._total, self._label, self._percent = stream, total, label, shows_percent
        self._terminal = bool(getattr(stream, "isatty", lambda: False)())
        self._drawn = 0.0
        self._began = time.monotonic()

    def show(self, done: int, name: str = "") -> None:
        """Draw, if it is time to."""
        now = time.monotonic()
        if done < self._total and now - self._drawn < (0.1 if self._terminal else QUIET_SECONDS):
            return
        self._drawn = now
        filled = WIDTH * done // self._total if self._total else WIDTH
        figure = f"{100 * done // max(1, self._total)}%" if self._percent else f"{done}/{self._total}"
        left = self._left(done, now)
        line = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {figure} {self._label}{left} {name[:NAME]}"
        self._write(f"\r\033[K{line}" if self._terminal else f"{line}\n")

    def _left(self, done: int, now: float) -> str:
        """How long the rest takes at the pace so far; nothing in the first seconds, when nobody can know."""
        passed = now - self._began
        if not 0 < done < self._total or passed < QUIET_SECONDS:
            return ""
        minutes, seconds = divmod(round((self._total - done) * passed / done), 60)
        return f", about {minutes}:{seconds:02d} left"

    def say(self, message: str) -> None:
        """A line of its own."""
        self._write(f"\r\033[K{message}\n" if self._terminal else f"{message}\n")

    def end(self) -> None:
        """Leave the last state on its line."""
        if self._terminal:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text, ending="")
        self._stream.flush()
