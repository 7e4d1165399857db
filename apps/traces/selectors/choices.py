"""What the filters of the lists offer: the apps and models that were at work, read from few rows and never by DISTINCT."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from apps.traces.selectors.time_range import TimeRange
from apps.traces.selectors.traces import traced_apps


def choices_for(*, team_ids: Collection[UUID] | None, during: TimeRange) -> Mapping[str, Sequence[tuple[str, str]]]:
    """`apps` and `models` of these teams (None: of all) in a range of time, as values and words."""
    apps = [(str(app.id), app.name) for app in traced_apps(team_ids=team_ids)]
    return {"apps": apps, "models": []}
