"""What the proxy did: counters, and the last refusals, for /health."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

from apps.sandbox.sidecar.egress.refusals import Refused

_KEPT = 50


class Ledger:
    """Counts for the life of the proxy's process. It keeps hosts and ports, never paths or contents."""

    def __init__(self) -> None:
        self.active = 0
        self.opened: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.sent_bytes = self.received_bytes = 0
        self._recent: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def note(self, refusal: Refused) -> None:
        """Count a refusal or failure; those by policy are also remembered one by one."""
        if not refusal.by_policy:
            self.failed[refusal.reason] += 1
            return
        self.refused[refusal.reason] += 1
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._recent.append({"at": at, "host": refusal.host, "port": refusal.port, "reason": refusal.reason})

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "active": self.active,
            "opened": dict(self.opened),
            "refused": dict(self.refused),
            "failed": dict(self.failed),
            "sent_bytes": self.sent_bytes,
            "received_bytes": self.received_bytes,
            "recent_refusals": list(self._recent),
        }
