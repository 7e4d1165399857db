"""Which piece of work comes next, so that one team's ten thousand documents do not keep another team waiting.

A message to the workers names no document: whoever gets it takes a piece of the team that was served longest ago.
Within a team, what was begun is finished before something new is begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.utils import timezone

from apps.datasets.models import Chunk, ChunkParent, IndexRun
from apps.datasets.services.runs import CALLS, LEASE, NOBODY_YET
from apps.datasets.services.throttle import least_recently_served, note_served

BEGUN_FIRST = Case(When(stage=IndexRun.Stage.READ, then=1), default=0)
TEAMS = 500
"""Teams between which turns are taken at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A run to go on with: from its beginning, or with its next batch."""

    run_id: UUID
    has_batches: bool


def next_work() -> Work | None:
    """The next piece of work, not claimed yet: whoever comes second with the claim asks again."""
    teams = list(waiting_runs().order_by().values_list("team_id", flat=True).distinct()[:TEAMS])
    for team in least_recently_served([str(each) for each in teams]):
        run = waiting_runs().filter(team_id=team).order_by(BEGUN_FIRST, "id").values_list("id", "stage").first()
        if run is not None:
            note_served(team)
            return Work(run_id=run[0], has_batches=run[1] != IndexRun.Stage.READ)
    return None


def has_work() -> bool:
    """Whether anything can be done at this moment."""
    return waiting_runs().exists()


def waiting_runs() -> QuerySet[IndexRun]:
    """Runs that somebody could go on with now."""
    free = Q(lease_owner="") | Q(lease_until__lt=timezone.now())
    this = {"document_id": OuterRef("document_id"), "version": OuterRef("version"), "ordinal__gte": OuterRef("cursor")}
    batches = Q(stage=IndexRun.Stage.EMBED) & Exists(Chunk.objects.filter(**this, status=Chunk.Status.PENDING))
    passages = Q(stage=IndexRun.Stage.ASK) & Exists(ChunkParent.objects.filter(**this, is_asked=False))
    unfinished = IndexRun.objects.filter(finished_at=None, paused_at=None, document__deleted_at=None)
    return unfinished.filter(free).filter(Q(stage=IndexRun.Stage.READ) | batches | passages)


def calls_missing() -> int:
    """How many calls the sweep sends: none while somebody is at work, for then the calls go on by themselves."""
    now = timezone.now()
    lately = now + LEASE - LEASE / 3
    held = ~Q(lease_owner="") & Q(lease_until__gt=now)
    renewed = ~Q(stage=IndexRun.Stage.READ) & Q(lease_until__gt=lately)
    at_work = IndexRun.objects.filter(held | renewed, finished_at=None, paused_at=None)
    if at_work.exclude(lease_owner=NOBODY_YET).exists():
        return 0
    return min(CALLS, waiting_runs().count())
