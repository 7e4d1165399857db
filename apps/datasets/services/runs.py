"""The life of an indexing run: started, claimed under a lease, kept alive, ended once.

Every change is one UPDATE whose WHERE says who may make it, so two workers with the same message cannot both go on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet, Value
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.datasets.models import Chunk, ChunkParent, Document, DocumentPage, IndexRun
from apps.datasets.services.errors import ContentMissing
from apps.datasets.services.spaces import forget_everywhere
from support.errors import ConsoleError
from support.jobs import enqueue_on_commit

#: How long a worker may be silent before it is taken for dead.
LEASE = dt.timedelta(seconds=20)
#: A worker renews its lease every quarter of it: one that has less than this left is most likely dead.
DYING = LEASE / 2
#: How long a message may wait in the queue before it is taken for lost.
PATIENCE = dt.timedelta(minutes=1)
MAX_DELIVERIES = 3
SWEEP_LIMIT = 200
#: Calls to workers that may wait in the queue: each goes on as long as there is work, so that more would only
#: keep other jobs waiting.
CALLS = 32
#: The owner of a run whose provider asked for patience.
NOBODY_YET = "waiting"


class RunEnded(Exception):
    """Somebody else ended or paused the run, deleted its document or took it over: stop and write nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a run failed: a code, a sentence with the next step, and the sentence's parameters."""

    code: str
    message: str
    params: dict[str, Any]

    @classmethod
    def of(cls, error: ConsoleError) -> Reason:
        """The reason that a typed error gives."""
        return cls(code=error.code, message=error.message, params={})

    def as_dict(self) -> dict[str, Any]:
        """For the error column."""
        return {"code": self.code, "message": self.message, **({"params": self.params} if self.params else {})}


@transaction.atomic
def start_run(document: Document, *, enqueue: bool = True) -> IndexRun:
    """Begin to index a document as its next version; the run that is still open is cancelled."""
    # Runs before documents, here as everywhere, so that nobody waits in a circle.
    still_open = list(document.runs.select_for_update().filter(finished_at=None))
    document = Document.objects.select_for_update().get(id=document.id)
    if not document.blob:
        text = _("The content of “%(name)s” was not kept. Upload the file again.")
        raise ContentMissing(text % {"name": document.name})
    for open_run in still_open:
        end_run(open_run.id, outcome=IndexRun.Outcome.CANCELLED)
    last = document.runs.aggregate(last=Max("version"))["last"] or 0
    run = IndexRun.objects.create(
        team_id=document.team_id,
        document=document,
        version=max(last, document.version) + 1,
        sha256=document.sha256,
        blob=document.blob,
        lease_until=timezone.now() + PATIENCE,
    )
    Document.objects.filter(id=document.id).update(
        status=Document.Status.UPLOADED, error=None, updated_at=timezone.now()
    )
    if enqueue and IndexRun.objects.filter(finished_at=None).count() <= CALLS:
        enqueue_on_commit("datasets.index_document")
    return run


def claim_run(run_id: UUID, *, owner: str) -> IndexRun | None:
    """Take the run's lease; None when it has ended or somebody else is at work.

    Whoever lost the database for a moment still has its own lease and goes on with it.
    """
    now = timezone.now()
    free = Q(lease_owner__in=["", owner]) | Q(lease_until__lt=now)
    open_run = IndexRun.objects.filter(free, id=run_id, finished_at=None, paused_at=None, document__deleted_at=None)
    claimed = open_run.update(lease_owner=owner, lease_until=now + LEASE, deliveries=F("deliveries") + 1, waiting=None)
    return IndexRun.objects.select_related("document__dataset").get(id=run_id) if claimed else None


def hold_run(run: IndexRun, *, owner: str = "", **changes: Any) -> None:
    """Renew the lease and write progress. Raises RunEnded when the run is no longer this worker's.

    The first stage has one owner, the batches of the second are anybody's. Inside a transaction it also keeps the run
    from being cancelled until the transaction's writes are in.
    """
    mine = IndexRun.objects.filter(id=run.id, finished_at=None, paused_at=None)
    mine = mine.filter(lease_owner=owner) if owner else mine.exclude(stage=IndexRun.Stage.READ)
    if not mine.update(lease_until=timezone.now() + LEASE, **changes):
        raise RunEnded


def release_run(run: IndexRun, *, owner: str, **changes: Any) -> None:
    """Give the lease to whoever carries out the batches."""
    hold_run(run, owner=owner, **changes)
    IndexRun.objects.filter(id=run.id, lease_owner=owner).update(lease_owner="")


def wait_with_run(run_id: UUID, *, seconds: float, error: ConsoleError, start: int | None, counts: bool) -> None:
    """Leave a run alone for a while and say why; the batch that was begun is handed out again afterwards."""
    until = timezone.now() + dt.timedelta(seconds=seconds)
    changes: dict[str, Any] = {"cursor": Least(F("cursor"), Value(start))} if start is not None else {}
    IndexRun.objects.filter(id=run_id, finished_at=None, paused_at=None).update(
        lease_owner=NOBODY_YET,
        lease_until=until,
        deliveries=0,
        retries=F("retries") + int(counts),
        waiting={"code": error.code, "message": error.message, "until": until.isoformat()},
        **changes,
    )


def fail_run(run_id: UUID, reason: Reason) -> bool:
    """End a run with the reason on the document. An older version stays searchable."""
    return end_run(run_id, outcome=IndexRun.Outcome.ERROR, reason=reason)


@transaction.atomic
def end_run(run_id: UUID, *, outcome: str, reason: Reason | None = None) -> bool:
    """End an open run without a result and remove what it had written; False when it had ended already."""
    run = IndexRun.objects.select_for_update().filter(id=run_id, finished_at=None).first()
    if run is None:
        return False
    error = reason.as_dict() if reason else None
    IndexRun.objects.filter(id=run.id).update(
        outcome=outcome, error=error, finished_at=timezone.now(), lease_owner="", lease_until=None, waiting=None
    )
    status = Document.Status.ERROR if outcome == IndexRun.Outcome.ERROR else Document.Status.CANCELLED
    document = Document.objects.select_related("dataset").get(id=run.document_id)
    Document.objects.filter(id=document.id).update(status=status, error=error, updated_at=timezone.now())
    orphans = remove_version(document, version=run.version) if run.version != document.version else []
    transaction.on_commit(lambda: forget_vectors(document, run, orphans), robust=True)
    return True


def remove_version(document: Document, *, version: int) -> list[UUID]:
    """Delete the rows of one version; returns the chunks that no other version has."""
    chunks = Chunk.objects.filter(document=document, version=version)
    others = Chunk.objects.filter(document=document).exclude(version=version).values("id")
    orphans = list(chunks.exclude(id__in=others).values_list("id", flat=True))
    chunks._raw_delete("default")
    ChunkParent.objects.filter(document=document, version=version)._raw_delete("default")
    DocumentPage.objects.filter(document=document, version=version)._raw_delete("default")
    return orphans


def forget_vectors(document: Document, run: IndexRun, ids: Sequence[UUID]) -> None:
    """Delete vectors whose chunks are gone. Nothing finds them any more: this is only about space."""
    if ids and run.space:
        forget_everywhere(document.dataset_id, ids=ids)


def cancel_indexing(document: Document) -> bool:
    """Stop indexing a document; its worker notices within a page. False when nothing was running."""
    run = document.runs.filter(finished_at=None).first()
    if run is None:
        return False
    IndexRun.objects.filter(id=run.id).update(cancel_requested=True)
    return end_run(run.id, outcome=IndexRun.Outcome.CANCELLED)


@transaction.atomic
def pause_indexing(document: Document) -> bool:
    """Stop for now and keep what was done; its worker notices within a page. False when nothing was running."""
    paused = document.runs.filter(finished_at=None, paused_at=None).update(
        paused_at=timezone.now(), lease_owner="", waiting=None
    )
    if paused:
        Document.objects.filter(id=document.id).update(status=Document.Status.PAUSED, updated_at=timezone.now())
    return bool(paused)


@transaction.atomic
def resume_indexing(document: Document) -> bool:
    """Go on where it was paused: what has vectors keeps them, a file that was half read is read again."""
    run = document.runs.select_for_update().filter(finished_at=None, paused_at__isnull=False).first()
    if run is None:
        return False
    IndexRun.objects.filter(id=run.id).update(
        paused_at=None, lease_owner="", lease_until=timezone.now() + PATIENCE, deliveries=0, retries=0, marks=[]
    )
    begun = run.stage != IndexRun.Stage.READ
    status = Document.Status.EMBEDDING if begun else Document.Status.UPLOADED
    Document.objects.filter(id=document.id).update(status=status, updated_at=timezone.now())
    enqueue_on_commit("datasets.index_document", str(run.id))
    return True


def _begun() -> QuerySet[IndexRun]:
    somebody = ~Q(lease_owner="") | ~Q(stage=IndexRun.Stage.READ)
    return IndexRun.objects.filter(somebody, finished_at=None, paused_at=None)


def seconds_to_next_sweep() -> float:
    """When the lease of a worker ends that seems to be dead; 0 when all are alive."""
    now = timezone.now()
    dying = _begun().exclude(lease_owner=NOBODY_YET).filter(lease_until__gte=now, lease_until__lt=now + DYING)
    first = dying.order_by("lease_until").values_list("lease_until", flat=True).first()
    return (first - now).total_seconds() + 0.1 if first else 0.0


def overdue_runs() -> list[UUID]:
    """Begun runs whose worker or message is lost, given back to the queue's patience so that none is taken twice."""
    now = timezone.now()
    with transaction.atomic():
        overdue = _begun().select_for_update(skip_locked=True).filter(lease_until__lt=now)
        ids = list(overdue.order_by("lease_until").values_list("id", flat=True)[:SWEEP_LIMIT])
        IndexRun.objects.filter(id__in=ids).update(lease_owner="", lease_until=now + PATIENCE)
    return ids
