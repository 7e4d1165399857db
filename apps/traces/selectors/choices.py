"""What the filters of the lists offer: the apps and models that were at work in a range of time, from the roll-ups."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.utils import timezone

from apps.traces.selectors.rollups import choices
from apps.traces.selectors.time_range import TimeRange
from apps.traces.selectors.traces import as_uuid


def choices_for(*, team_ids: Collection[UUID] | None, during: TimeRange) -> Mapping[str, Sequence[tuple[str, str]]]:
    """`apps`, `own_apps` (those that are not services elsewhere) and `models` of these teams (None: of all)."""
    until = during.end or timezone.now()
    apps = choices("app", team_ids=team_ids, since=during.start, until=until)
    models = choices("model", team_ids=team_ids, since=during.start, until=until)
    return {"apps": apps, "own_apps": [pair for pair in apps if as_uuid(pair[0])], "models": models}
