"""Reading a run's event log."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from apps.workflows.engine.events import Event, NodeFailed, NodeNoted, NodeSucceeded, Usage, from_dict
from apps.workflows.engine.journal import decode
from apps.workflows.engine.large_values import names_in, put_back
from apps.workflows.models import Blob, Run, RunEvent

#: A row of a log as the database has it.
StoredRow = tuple[int, int, str, Mapping[str, Any]]


def stored_events(
    run_id: UUID, *, after: int = 0, kinds: Collection[str] = (), limit: int | None = None
) -> list[tuple[int, Event]]:
    """The committed events of a run with a sequence number above `after`, in order; all of them or those of `kinds`."""
    found = RunEvent.objects.filter(run_id=run_id, last_seq__gt=after).order_by("seq")
    found = found.filter(kind__in=kinds) if kinds else found
    rows = found.values_list("seq", "last_seq", "kind", "payload")[:limit]
    return list(decode(_whole(run_id, list(rows)), after=after))


def _whole(run_id: UUID, rows: list[StoredRow]) -> list[StoredRow]:
    """The rows of a run with their large values in place."""
    missing = names_in(payload for *_, payload in rows)
    if not missing:
        return rows
    of_team = Blob.objects.filter(team_id__in=Run.objects.filter(id=run_id).values("team_id"), sha256__in=missing)
    contents = {name: orjson.loads(body) for name, body in of_team.values_list("sha256", "content")}
    return [(seq, last_seq, kind, put_back(payload, contents)) for seq, last_seq, kind, payload in rows]


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
        for _, event in decode(_whole(run_id, [tuple(row)])):
            if isinstance(event, NodeNoted) and event.note == "agent_thought":
                found.setdefault(run_id, []).append(event)
    return found


def usages_of(run_id: UUID) -> list[Usage]:
    """What each call of a model took in a run: agents tell of their turns one by one, other nodes of all they did."""
    found: list[Usage] = []
    told: set[tuple[str, str]] = set()
    kinds = (NodeNoted.kind, NodeSucceeded.kind, NodeFailed.kind)
    for _, event in stored_events(run_id, kinds=kinds):
        match event:
            case NodeNoted(note="agent_thought") if event.body.get("usage"):
                told.add((event.node_id, event.frame))
                found.append(Usage(**event.body["usage"]))
            case NodeSucceeded() | NodeFailed() if event.usage is not None:
                if (event.node_id, event.frame) not in told:
                    found.append(event.usage)
    return found
