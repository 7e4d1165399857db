"""What the sidecar counts: runs by how they ended, latencies, and the last runs that were stopped."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from apps.sandbox.protocol import RunError, RunRequest, RunResult, Status

BOUNDS_MS = (1, 2, 3, 5, 8, 13, 20, 35, 60, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000)
REMEMBERED_REFUSALS = 100
#: An author's own mistakes are answers, not refusals.
_UNREMARKABLE = frozenset({Status.OK, Status.ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A run that the sandbox stopped, as operators see it: never its code, inputs or output."""

    at: str
    run_id: str | None
    language: str
    profile: str
    status: str
    system_call: str | None
    message: str


def _words(status: Status, error: RunError | None) -> str:
    """What happened, in our own words: what code says when its memory is full may hold its inputs."""
    if error is None:
        return ""
    return error.type if status is Status.MEMORY else f"{error.type}: {error.message}"[:200]


class Histogram:
    """Latencies in milliseconds: one more count than there are bounds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_MS) + 1)
        self._sum = 0.0

    def add(self, milliseconds: float) -> None:
        """Count one run."""
        self._counts[bisect_left(BOUNDS_MS, milliseconds)] += 1
        self._sum += milliseconds

    def as_json(self) -> dict[str, Any]:
        """Give what `/health` shows."""
        counted = {"sum": round(self._sum, 3), "count": sum(self._counts)}
        return {"bounds": list(BOUNDS_MS), "counts": list(self._counts), **counted}


class Counters:
    """Everything counted since the start; held in memory only."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter({status.value: 0 for status in Status})
        self.rejected = 0
        self.recycled = 0
        self.zygote_restarts = 0
        self.latency = Histogram()
        self._refusals: deque[Refusal] = deque(maxlen=REMEMBERED_REFUSALS)
        self._refused = 0

    def ended(self, request: RunRequest, result: RunResult) -> None:
        """Count a run that has its answer, and remember it if the sandbox had to stop it."""
        self.runs[result.status.value] += 1
        self.latency.add(result.usage.wall_ms)
        if result.status in _UNREMARKABLE:
            return
        self._refused += 1
        error = result.error
        self._refusals.append(
            Refusal(
                at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                run_id=request.run_id,
                language=request.language.value,
                profile=request.profile,
                status=result.status.value,
                system_call=error.system_call if error else None,
                message=_words(result.status, error),
            )
        )

    def as_json(self) -> dict[str, Any]:
        """Give the counters as `/health` shows them."""
        return {
            "runs": dict(self.runs),
            "refused": self._refused,
            "rejected": self.rejected,
            "recycled": self.recycled,
            "zygote_restarts": self.zygote_restarts,
        }

    def refusals(self) -> list[dict[str, Any]]:
        """Give the last refusals, newest first."""
        return [asdict(refusal) for refusal in reversed(self._refusals)]
