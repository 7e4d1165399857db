"""Reading runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.workflows.engine.run_info import RunInfo
from apps.workflows.models import Application, Message, Run, Version
from apps.workflows.selectors.messages import as_uuid
from support.errors import NotFound
from support.ids import earliest


def open_run(run_id: UUID | str, *, application: Application) -> Run:
    """The app's run with this id. Raises NotFound, also for ids that are none."""
    parsed = as_uuid(run_id)
    run = Run.objects.filter(id=parsed, application=application).first() if parsed else None
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    return run


def team_run(run_id: UUID | str, *, team_ids: Iterable[UUID]) -> Run:
    """A member's door to a run, with app and version. Raises NotFound."""
    parsed = as_uuid(run_id)
    runs = Run.objects.select_related("application", "version", "conversation")
    run = runs.filter(id=parsed, team_id__in=list(team_ids)).first() if parsed else None
    if run is None:
        raise NotFound(f"There is no run {run_id} in your teams.")
    return run


def run_info(run_id: UUID) -> RunInfo:
    """The facts that watchers copy, for a run that was started earlier. Raises NotFound."""
    run = Run.objects.select_related("application", "version").filter(id=run_id).first()
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    message_id = Message.objects.filter(run_id=run_id).values_list("id", flat=True).first()
    return info_of(run, application=run.application, version=run.version, message_id=message_id)


def info_of(run: Run, *, application: Application, version: Version, message_id: UUID | None) -> RunInfo:
    """The same from rows at hand: no query."""
    return RunInfo(
        run_id=run.id,
        team_id=run.team_id,
        application_id=application.id,
        application_name=application.name,
        application_slug=application.slug,
        version_id=version.id,
        version_number=version.number,
        kind=version.kind,
        source=run.source,
        end_user=run.end_user,
        query=run.query,
        conversation_id=run.conversation_id,
        message_id=message_id,
        traceparent=run.traceparent,
        tracestate=run.tracestate,
        nodes=_nodes(version.document),
        features=version.features,
    )


def runs_of(application: Application, *, status: str = "") -> QuerySet[Run]:
    """The app's runs, newest first, without the big columns."""
    runs = application.runs.select_related("version").defer("inputs", "outputs", "variables").order_by("-id")
    return runs.filter(status=status) if status else runs


def finished_between(begin: dt.datetime, end: dt.datetime, *, limit: int) -> list[UUID]:
    """Runs that ended in a stretch of time, the oldest first. Of those that took over a day, none."""
    recent = Run.objects.filter(id__gte=earliest(begin - dt.timedelta(days=1)))  # a range of the primary key
    ended = recent.filter(finished_at__gte=begin, finished_at__lt=end).order_by("id")
    return list(ended.values_list("id", flat=True)[:limit])


def _nodes(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        node["id"]: {"type": node["type"], "title": node.get("title") or node["id"]}
        for node in document.get("nodes", [])
    }
