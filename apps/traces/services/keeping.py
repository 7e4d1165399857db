"""Keeps traces that somebody reviewed: whatever the sample says, and however old they grow."""

from __future__ import annotations

from uuid import UUID

from apps.traces.models import KeptTrace, PassedOver, Trace
from apps.traces.recorder.store import ALIAS
from apps.traces.services.rebuild_trace import rebuild_trace


def keep_trace(trace_id: UUID, *, team_id: UUID, reason: str) -> bool:
    """Keep a trace; one that was passed over is made from the log of its run. Whether there is one now."""
    KeptTrace.objects.using(ALIAS).get_or_create(
        trace_id=trace_id, defaults={"team_id": team_id, "reason": reason[:40]}
    )
    if PassedOver.objects.using(ALIAS).filter(trace_id=trace_id, team_id=team_id).exists():
        rebuild_trace(trace_id, replace=False, sampled=False)
    return Trace.objects.using(ALIAS).filter(id=trace_id, team_id=team_id).exists()
