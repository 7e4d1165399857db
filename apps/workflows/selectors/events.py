"""Reading a run's event log."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import orjson

from apps.workflows.engine.events import Event, NodeNoted, from_dict
from apps.workflows.engine.journal import decode
from apps.workflows.models import Run, RunEvent


def stored_events(run_id: UUID, *, after: int = 0) -> list[tuple[int, Event]]:
    """The committed events of a run with a sequence number above `after`, in order."""
    rows = (
        RunEvent.objects.filter(run_id=run_id, last_seq__gt=after)
        .order_by("seq")
        .values_list("seq", "last_seq", "kind", "payload")
    )
    return list(decode(rows, after=after))


def is_finished(run_id: UUID) -> bool:
    """Whether the run has ended (True as well for one that does not exist: there is nothing to wait for)."""
    status = Run.objects.filter(id=run_id).values_list("status", flat=True).first()
    return status != Run.Status.RUNNING


def live_event(entry: tuple[bytes, dict[bytes, bytes]]) -> tuple[int, Event]:
    """The numbered event in one entry of a run's Redis stream."""
    entry_id, fields = entry
    return int(entry_id.split(b"-")[0]), from_dict(orjson.loads(fields[b"e"]))


def thoughts_of(run_ids: Sequence[UUID]) -> dict[UUID, list[NodeNoted]]:
    """What the agents of these runs told of their steps, in order."""
    rows = RunEvent.objects.filter(run_id__in=run_ids, kind=NodeNoted.kind).order_by("run_id", "seq")
    found: dict[UUID, list[NodeNoted]] = {}
    for run_id, *row in rows.values_list("run_id", "seq", "last_seq", "kind", "payload"):
        for _, event in decode([tuple(row)], after=0):
            if isinstance(event, NodeNoted) and event.note == "agent_thought":
                found.setdefault(run_id, []).append(event)
    return found
