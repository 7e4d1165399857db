"""What exports of lists and changes to whole lists do alike: count ahead, know their teams, outlive a worker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.traces.models.list_job import ListJob
from apps.traces.selectors.bounded import TooSlow, bounded
from apps.traces.selectors.keyset import counted
from apps.traces.selectors.lists import Question, of_teams, rows_of
from support.jobs import enqueue

GOING: Final = (ListJob.Status.QUEUED, ListJob.Status.RUNNING)
#: A job works for so long and then hands on, so that it never meets the time limit of jobs.
TURN: Final = dt.timedelta(seconds=100)
#: Not heard of for so long, a job's worker is taken for dead.
SILENCE: Final = dt.timedelta(minutes=4)
COUNTING_SECONDS: Final = 2.0
MOST_AT_ONCE: Final = 100
#: Why a job was given up; its page says it in the reader's language.
TOO_SLOW: Final = gettext_noop("The database took too long for one page. Take a shorter range.")


def rows_expected(question: Question, team_ids: Collection[UUID] | None) -> int:
    """How many rows answer the question, counted or estimated; 0 where even that takes too long."""
    try:
        with bounded(COUNTING_SECONDS):
            rows = rows_of(question, within=of_teams(question.table, team_ids), team_ids=team_ids)
            return counted(rows)[0]
    except TooSlow:
        return 0


def team_ids_of(job: ListJob) -> list[UUID] | None:
    """The teams whose rows the job may reach; None for all."""
    return None if job.team_ids is None else [UUID(each) for each in job.team_ids]


def go_on_with(kind: type[ListJob], *, task: str) -> int:
    """Queue what no worker has touched for a while (its worker died, or the queue lost it); how many."""
    silent = kind._default_manager.filter(status__in=GOING, beat_at__lt=timezone.now() - SILENCE)
    ids = list(silent.values_list("id", flat=True)[:MOST_AT_ONCE])
    for job_id in ids:
        enqueue(task, str(job_id))
    return len(ids)
