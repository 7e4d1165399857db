"""Knows the traces of our own runs by the ids under which programs that they asked speak of them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from apps.traces.models import PassedOver, Trace
from apps.traces.recorder.store import ALIAS
from apps.workflows.selectors.runs import runs_among

#: Ids of runs are of this version; of the ids that others make up, hardly any are.
_VERSION = 7


def own_runs(team_id: UUID, external_ids: Iterable[str]) -> dict[str, UUID]:
    """Those of the ids that are runs of the team, also of runs that go on, and the ids of their traces.

    A run whose trace is not kept, or was deleted, is none of them.
    """
    ids = {name: UUID(hex=name) for name in external_ids}
    ids = {name: run_id for name, run_id in ids.items() if run_id.version == _VERSION}
    if not ids:
        return {}
    of_team = Trace.objects.using(ALIAS).filter(id__in=ids.values(), team_id=team_id, run_id__isnull=False)
    found = set(of_team.values_list("id", flat=True))
    rest = set(ids.values()) - found
    if rest:
        rest -= set(PassedOver.objects.using(ALIAS).filter(trace_id__in=rest).values_list("trace_id", flat=True))
        found |= runs_among(rest, team_id=team_id)
    return {name: run_id for name, run_id in ids.items() if run_id in found}
