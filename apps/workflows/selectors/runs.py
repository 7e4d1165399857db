"""Reading runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.workflows.engine.run_info import RunInfo
from apps.workflows.models import Application, Message, Run, Version
from apps.workflows.selectors.messages import as_uuid
from support.errors import NotFound
from support.ids import earliest

#: The source of runs that only measure a version: they are no talk with anybody.
EXPERIMENT = str(Run.Source.EXPERIMENT)
#: What a run can be, with the words for it.
RUN_STATUSES = tuple(Run.Status.choices)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A run as those see it who watch it while it goes on."""

    info: RunInfo
    query: str
    status: str
    status_label: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    is_stopping: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in (Run.Status.RUNNING, Run.Status.PAUSED)


def watched_run(run_id: UUID, *, team_ids: Iterable[UUID] | None) -> Watched:
    """A member's door to a run that may go on; no teams (None) means all of them. Raises NotFound."""
    runs = Run.objects.filter(id=run_id)
    if team_ids is not None:
        runs = runs.filter(team_id__in=list(team_ids))
    run = runs.select_related("application", "version").first()
    if run is None:
        raise NotFound(f"There is no run {run_id} in your teams.")
    message_id = Message.objects.filter(run_id=run_id).values_list("id", flat=True).first()
    return Watched(
        info=info_of(run, application=run.application, version=run.version, message_id=message_id),
        query=run.query,
        status=run.status,
        status_label=str(run.get_status_display()),
        started_at=run.started_at,
        finished_at=run.finished_at,
        is_stopping=run.stop_requested_at is not None,
    )


def running_now(*, team_ids: Iterable[UUID] | None, limit: int) -> list[dict[str, Any]]:
    """Runs that go on, the newest first: `id`, `query`, `started_at` and the app's name."""
    runs = Run.objects.filter(status=Run.Status.RUNNING)
    if team_ids is not None:
        runs = runs.filter(team_id__in=list(team_ids))
    # By a column without an index: the few that run are found by their own index, not among all by age.
    rows = runs.order_by("-started_at").values("id", "query", "started_at", "application__name")[:limit]
    return [
        {"id": row["id"], "query": row["query"][:200], "at": row["started_at"], "app": row["application__name"]}
        for row in rows
    ]


def runs_of(application: Application, *, status: str = "") -> QuerySet[Run]:
    """The app's runs, newest first, without the big columns."""
    runs = application.runs.select_related("version").defer("inputs", "outputs", "variables").order_by("-id")
    return runs.filter(status=status) if status else runs


def finished_between(begin: dt.datetime, end: dt.datetime, *, limit: int) -> list[UUID]:
    """Runs that ended in a stretch of time, the oldest first. Of those that took over a day, none."""
    recent = Run.objects.filter(id__gte=earliest(begin - dt.timedelta(days=1)))  # a range of the primary key
    ended = recent.filter(finished_at__gte=begin, finished_at__lt=end).order_by("id")
    return list(ended.values_list("id", flat=True)[:limit])


def runs_among(run_ids: Iterable[UUID], *, team_id: UUID) -> set[UUID]:
    """Those of the ids that are runs of the team."""
    return set(Run.objects.filter(id__in=list(run_ids), team_id=team_id).values_list("id", flat=True))


def _nodes(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        node["id"]: {"type": node["type"], "title": node.get("title") or node["id"]}
        for node in document.get("nodes", [])
    }
