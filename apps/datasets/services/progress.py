"""How fast a run goes: marks of where it was in the last minute, from which the end is estimated."""

from __future__ import annotations

import time

from apps.datasets.models import IndexRun

WINDOW = 60.0
APART = 2.0


def marked(run: IndexRun, *, pages: int | None = None, chunks: int | None = None) -> list[list[float]]:
    """The run's marks with one for now: second, pages, chunks. Those of the last minute are kept."""
    now = time.time()
    recent = [mark for mark in run.marks if now - mark[0] <= WINDOW]
    if not recent or now - recent[-1][0] >= APART:
        done = [run.pages_done if pages is None else pages, run.done if chunks is None else chunks]
        recent.append([round(now, 1), *done])
    run.marks = recent
    return recent
