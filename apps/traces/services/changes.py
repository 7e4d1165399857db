"""Changes to all traces that fit some filters: a tag given or taken, or the traces deleted, page by page."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import OperationalError, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.traces.models import KeptTrace, PassedOver, Trace, TraceChange
from apps.traces.models.saved_view import Listed
from apps.traces.recorder.store import delete
from apps.traces.selectors.bounded import TooSlow, bounded
from apps.traces.selectors.keyset import after
from apps.traces.selectors.lists import Question, of_teams, question_from
from apps.traces.selectors.paging import page_of
from apps.traces.selectors.saved_views import Viewer
from apps.traces.services.list_jobs import GOING, TOO_SLOW, TURN, go_on_with, rows_expected, team_ids_of
from support.errors import Conflict, InvalidInput
from support.jobs import enqueue

PAGE_ROWS = 200
PAGE_SECONDS = 60.0
LONGEST_TAG = 60
#: Changes that a team may have in the making.
MOST_AT_ONCE = 3
TASK = "traces.make_change"
DATABASE_AWAY = gettext_noop("The trace database does not answer. Ask for the rest later.")
_TAGS = {
    TraceChange.Action.ADD_TAG: "tags || %(list)s::jsonb WHERE NOT tags @> %(list)s::jsonb",
    TraceChange.Action.REMOVE_TAG: "tags - %(tag)s::text WHERE tags @> %(list)s::jsonb",
}


def ask_for_change(
    *, viewer: Viewer, team_ids: Collection[UUID] | None, question: Question, action: str, value: str = ""
) -> TraceChange:
    """Queue a change of all traces that answer the question now. Raises InvalidInput, Conflict."""
    if action not in TraceChange.Action.values or question.table != Listed.TRACES:
        raise InvalidInput(_("There is no such change."), path="/action")
    tag = " ".join(value.replace("\x00", "").split()) if action != TraceChange.Action.DELETE else ""
    if action != TraceChange.Action.DELETE and not 1 <= len(tag) <= LONGEST_TAG:
        raise InvalidInput(_("A tag has 1 to %(n)s characters.") % {"n": LONGEST_TAG}, path="/value")
    if TraceChange.objects.filter(team_id=viewer.team_id, status__in=GOING).count() >= MOST_AT_ONCE:
        raise Conflict(_("%(n)s changes are being made already. Wait for one of them.") % {"n": MOST_AT_ONCE})
    now = timezone.now()
    job = TraceChange.objects.create(
        team_id=viewer.team_id,
        user_id=viewer.user_id,
        user_name=viewer.name,
        team_ids=None if team_ids is None else [str(each) for each in team_ids],
        table=question.table,
        question=question.as_dict(until=now),
        action=action,
        value=tag,
        rows_expected=rows_expected(question, team_ids),
        beat_at=now,
    )
    enqueue(TASK, str(job.id))
    return job


def make_change(job_id: UUID) -> bool:
    """Change for one turn. True: more is to be changed. Safe to repeat; a job that is over is left alone."""
    until = timezone.now() + TURN
    try:
        while _page(job_id):
            if timezone.now() >= until:
                return True
    except TooSlow:
        _end(job_id, TraceChange.Status.FAILED, error=TOO_SLOW)
    except OperationalError:
        _end(job_id, TraceChange.Status.FAILED, error=DATABASE_AWAY)
    return False


def _page(job_id: UUID) -> bool:
    """Change one page and note it, both or neither; whether there is another one."""
    with bounded(PAGE_SECONDS):
        job = TraceChange.objects.select_for_update().filter(id=job_id, status__in=GOING).first()
        if job is None:
            return False
        question = question_from(job.question, table=job.table)
        team_ids = team_ids_of(job)
        within = of_teams(job.table, team_ids).only("id", question.column)
        page = page_of(question, within=within, team_ids=team_ids, cursor=job.cursor, size=PAGE_ROWS)
        job.rows_done += _apply(job, [row.id for row in page.rows])
        job.cursor = after(page.rows[-1], by=question.column) if page.rows else job.cursor
        job.status = TraceChange.Status.RUNNING if page.older else TraceChange.Status.DONE
        job.beat_at = timezone.now()
        job.started_at = job.started_at or job.beat_at
        job.finished_at = None if page.older else job.beat_at
        job.save()
        return bool(page.older)


def _apply(job: TraceChange, ids: Sequence[UUID]) -> int:
    if not ids:
        return 0
    if job.action == TraceChange.Action.DELETE:
        return _delete(ids)
    _tag(job, ids)
    return len(ids)


def _delete(ids: Sequence[UUID]) -> int:
    """Delete those that nobody reviewed; their runs are noted, so that no sweep makes the traces anew."""
    kept = set(KeptTrace.objects.filter(trace_id__in=ids).values_list("trace_id", flat=True))
    gone = Trace.objects.filter(id__in=set(ids) - kept).values_list("id", "team_id")
    notes = [PassedOver(trace_id=trace_id, team_id=team_id) for trace_id, team_id in gone]
    PassedOver.objects.bulk_create(notes, ignore_conflicts=True)
    return delete([note.trace_id for note in notes])


def _tag(job: TraceChange, ids: Sequence[UUID]) -> None:
    """The traces and the copies on their spans."""
    values: dict[str, Any] = {"tag": job.value, "list": json.dumps([job.value]), "ids": list(ids)}
    change = _TAGS[TraceChange.Action(job.action)]
    with transaction.atomic(using="traces"), connections["traces"].cursor() as cursor:
        cursor.execute(f"UPDATE traces_trace SET tags = {change} AND id = ANY(%(ids)s)", values)  # noqa: S608 - ours
        cursor.execute(f"UPDATE traces_span SET tags = {change} AND trace_id = ANY(%(ids)s)", values)  # noqa: S608


def _end(job_id: UUID, status: str, *, error: str = "") -> None:
    now = timezone.now()
    TraceChange.objects.filter(id=job_id, status__in=GOING).update(
        status=status, error=error, finished_at=now, beat_at=now
    )


def stop_change(job: TraceChange) -> None:
    """End it; what was changed stays so."""
    _end(job.id, TraceChange.Status.STOPPED)


def go_on_with_changes() -> int:
    """Queue what no worker has touched for a while; how many."""
    return go_on_with(TraceChange, task=TASK)
