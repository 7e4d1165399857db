"""Queues traces of teams that send them on, in the transaction that writes them; free of cost for everybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from uuid import UUID

from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from apps.traces.models.destination import OutgoingTrace, TraceDestination
from apps.traces.recorder.record import TraceRow

#: How long it may take until a process notices that a team began or ceased to send on.
NOTICED_IN_S = 10.0
_INSERT = (
    f"INSERT INTO {OutgoingTrace._meta.db_table} (trace_id, team_id, queued_at) "
    "SELECT unnest(%s::uuid[]), unnest(%s::uuid[]), %s ON CONFLICT DO NOTHING"
)


class SendingTeams:
    """The teams that send on, as they were a moment ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._teams: frozenset[UUID] = frozenset()

    def now(self) -> frozenset[UUID]:
        """Their ids."""
        with self._lock:
            if time.monotonic() - self._asked_at > NOTICED_IN_S:
                rows = TraceDestination.objects.filter(is_on=True).values_list("team_id", flat=True)
                self._teams = frozenset(rows)
                self._asked_at = time.monotonic()
            return self._teams

    def forget(self) -> None:
        """Ask again next time."""
        with self._lock:
            self._asked_at = float("-inf")


sending_teams = SendingTeams()


def queue_outgoing(cursor: CursorWrapper, traces: Iterable[TraceRow]) -> None:
    """Queue those of these traces whose team sends on."""
    teams = sending_teams.now()
    wanted = [trace for trace in traces if trace.team_id in teams] if teams else []
    if wanted:
        cursor.execute(_INSERT, [[trace.id for trace in wanted], [trace.team_id for trace in wanted], timezone.now()])
