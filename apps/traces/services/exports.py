"""Exports of lists: asked for, written page by page by jobs that go on where another stopped, and forgotten."""

from __future__ import annotations

import datetime as dt
import errno
import logging
from collections.abc import Collection
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.traces.models.change import TraceChange
from apps.traces.models.export import TraceExport
from apps.traces.selectors.bounded import TooSlow, bounded
from apps.traces.selectors.keyset import after
from apps.traces.selectors.lists import Question, find, of_teams, question_from
from apps.traces.selectors.paging import page_of
from apps.traces.selectors.saved_views import Viewer
from apps.traces.services.export_rows import columns_of, export_rows, stored
from apps.traces.services.export_text import head_of, lines_of
from apps.traces.services.list_jobs import GOING, TOO_SLOW, TURN, go_on_with, rows_expected, team_ids_of
from support.errors import Conflict, InvalidInput
from support.jobs import enqueue

logger = logging.getLogger(__name__)
FOLDER = "trace-exports"
KEPT = dt.timedelta(days=7)
#: Files that one person may have in the making.
MOST_AT_ONCE = 3
PAGE_ROWS = 500
#: Whole inputs and outputs may be megabytes: fewer rows are held at once.
PAGE_ROWS_WHOLE = 50
#: A page that takes longer than this is given up: the disk or the filters are at fault.
PAGE_SECONDS = 120.0
TASK = "traces.write_export"
_ERASED = "The file was deleted when a person's traces were deleted on request. Ask for it again."
#: Why a file was given up. The record keeps the English words; its page says them in the reader's language.
NOT_WRITTEN = gettext_noop("The file could not be written. The log of the worker says why.")
DISK_FULL = gettext_noop("There is no room for the file on the disk.")
DATABASE_AWAY = gettext_noop("The trace database does not answer. Ask for the file again later.")


def ask_for_export(
    *, viewer: Viewer, team_ids: Collection[UUID] | None, question: Question, format: str, with_payloads: bool = False
) -> TraceExport:
    """Queue a file of all rows that answer the question now. Raises InvalidInput, Conflict."""
    if format not in TraceExport.Format.values:
        raise InvalidInput(_("Choose CSV or JSON lines."), path="/format")
    going = TraceExport.objects.filter(user_id=viewer.user_id, status__in=GOING).count()
    if going >= MOST_AT_ONCE:
        raise Conflict(
            _("You have %(n)s exports in the making. Wait for one of them, or stop it.") % {"n": MOST_AT_ONCE}
        )
    now = timezone.now()
    job = TraceExport.objects.create(
        team_id=viewer.team_id,
        user_id=viewer.user_id,
        user_name=viewer.name,
        team_ids=None if team_ids is None else [str(each) for each in team_ids],
        table=question.table,
        question=question.as_dict(until=now),
        format=format,
        with_payloads=with_payloads,
        rows_expected=rows_expected(question, team_ids),
        beat_at=now,
    )
    enqueue(TASK, str(job.id))
    return job


def write_export(job_id: UUID) -> bool:
    """Write for one turn. True: more is to be written. Safe to repeat; a job that is over is left alone."""
    job = TraceExport.objects.filter(id=job_id, status__in=GOING).first()
    if job is None:
        return False
    if job.started_at is None:
        job.started_at = timezone.now()
    job.status, job.path = TraceExport.Status.RUNNING, job.path or f"{FOLDER}/{job.id}.{job.format}"
    try:
        return _turn(job)
    except TooSlow:
        _end(job, TraceExport.Status.FAILED, error=TOO_SLOW)
    except OSError as exc:
        logger.exception("an export could not be written")
        _end(job, TraceExport.Status.FAILED, error=DISK_FULL if exc.errno == errno.ENOSPC else NOT_WRITTEN)
    except OperationalError:
        _end(job, TraceExport.Status.FAILED, error=DATABASE_AWAY)
    return False


def _turn(job: TraceExport) -> bool:
    question = question_from(job.question, table=job.table)
    columns = columns_of(job.table, with_payloads=job.with_payloads)
    team_ids = team_ids_of(job)
    within = of_teams(job.table, team_ids).only(*stored(columns, table=job.table))
    found = find(question, within=within, team_ids=team_ids)
    size = PAGE_ROWS_WHOLE if job.with_payloads else PAGE_ROWS
    until = timezone.now() + TURN
    target = file_of(job)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("r+b" if target.exists() else "w+b") as file:
        # What another worker wrote after its last note is written again.
        file.truncate(job.size)
        file.seek(job.size)
        if not job.size:
            file.write(head_of(columns, format=job.format))
        while True:
            with bounded(PAGE_SECONDS):
                page = page_of(question, within=within, team_ids=team_ids, cursor=job.cursor, size=size, found=found)
                taken = export_rows(page.rows, table=job.table, with_payloads=job.with_payloads)
            file.write(lines_of(taken, columns, format=job.format))
            file.flush()
            job.rows_done += len(page.rows)
            job.size = file.tell()
            job.cursor = after(page.rows[-1], by=question.column) if page.rows else job.cursor
            if not page.older:
                _end(job, TraceExport.Status.DONE)
                return False
            if not _noted(job):
                _drop_if_stopped(job)
                return False
            if timezone.now() >= until:
                return True


def _noted(job: TraceExport) -> bool:
    """Note how far the job is. False: somebody stopped it, or another worker has gone on with it."""
    before, job.beat_at = job.beat_at, timezone.now()
    return bool(
        TraceExport.objects.filter(id=job.id, status__in=GOING, beat_at=before).update(
            status=job.status,
            started_at=job.started_at,
            path=job.path,
            rows_done=job.rows_done,
            size=job.size,
            cursor=job.cursor,
            beat_at=job.beat_at,
        )
    )


def _drop_if_stopped(job: TraceExport) -> None:
    if not TraceExport.objects.filter(id=job.id, status__in=GOING).exists():
        _drop(job)


def _end(job: TraceExport, status: str, *, error: str = "") -> None:
    job.status, job.error = status, error
    job.finished_at = job.beat_at = timezone.now()
    job.expires_at = job.finished_at + KEPT
    kept = TraceExport.objects.filter(id=job.id, status__in=GOING).update(
        status=status,
        error=error,
        started_at=job.started_at,
        finished_at=job.finished_at,
        beat_at=job.beat_at,
        expires_at=job.expires_at,
        rows_done=job.rows_done,
        size=job.size,
        cursor=job.cursor,
        path=job.path if status == TraceExport.Status.DONE else "",
    )
    if status != TraceExport.Status.DONE or not kept:
        _drop(job)


def _drop(job: TraceExport) -> None:
    """Take the file away, as far as its disk lets us."""
    try:
        file_of(job).unlink(missing_ok=True)
    except OSError:
        logger.exception("the file of an export could not be deleted")


def stop_export(job: TraceExport) -> None:
    """End a job that is going on; its file is dropped."""
    _end(job, TraceExport.Status.STOPPED)


def go_on_with_exports() -> int:
    """Queue what no worker has touched for a while; how many."""
    return go_on_with(TraceExport, task=TASK)


def forget_exports() -> int:
    """Delete the files whose time is over; the record stays. How many."""
    over = TraceExport.objects.filter(expires_at__lt=timezone.now()).exclude(path="")
    forgotten = 0
    for job in over[:1000]:
        file_of(job).unlink(missing_ok=True)
        forgotten += TraceExport.objects.filter(id=job.id).update(path="")
    return forgotten


def drop_exports_of(team_id: UUID, *, end_user: str) -> int:
    """Drop all files that may hold rows of a team, and stop those in the making: a person's traces were deleted.

    A file does not say whom it tells of, and rows that it has may be long gone from the tables. Whoever asked for it
    sees why, and may ask again. What names the person in its filters goes altogether. How many files were dropped.
    """
    reaching = TraceExport.objects.filter(
        Q(team_id=team_id) | Q(team_ids__isnull=True) | Q(team_ids__contains=[str(team_id)])
    )
    dropped = 0
    for job in reaching.filter(status__in=GOING):
        _end(job, TraceExport.Status.STOPPED, error=_ERASED)
        dropped += 1
    for job in reaching.exclude(path=""):
        file_of(job).unlink(missing_ok=True)
        dropped += reaching.filter(id=job.id).update(path="", error=_ERASED)
    for kind in (TraceExport, TraceChange):
        asked = kind._default_manager.filter(team_id=team_id)
        asked.filter(Q(question__filters__user=end_user) | Q(question__q=end_user)).delete()
    return dropped


def file_of(job: TraceExport) -> Path:
    """Where the file of an export is."""
    return Path(settings.MEDIA_ROOT) / (job.path or f"{FOLDER}/{job.id}.{job.format}")


def ask_again(job: TraceExport) -> TraceExport:
    """The same question in a new export. Raises Conflict."""
    viewer = Viewer(team_id=job.team_id, user_id=job.user_id, name=job.user_name)
    return ask_for_export(
        viewer=viewer,
        team_ids=team_ids_of(job),
        question=question_from(job.question, table=job.table),
        format=job.format,
        with_payloads=job.with_payloads,
    )
