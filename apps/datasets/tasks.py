"""The background jobs of datasets. Each takes ids only, may run twice, and leaves the work to a service."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from apps.datasets.services import (
    datasets,
    documents,
    evaluate_jobs,
    importing_work,
    indexing,
    maintenance,
    migrating,
    queries,
    runs,
    scheduling,
    spaces_reconcile,
    vector_cache,
)
from support.errors import ConsoleError
from support.jobs import enqueue

AGAIN_AFTER = (2, 3, 5, 10)
"""Seconds after which a piece of indexing is tried again that lost the database; after that the sweep does it."""


@shared_task(name="datasets.index_document", bind=True, max_retries=None, soft_time_limit=540, time_limit=600)
def index_document(self: Any, run_id: str = "") -> int:
    """Do one piece of indexing: of this run, or of whichever has its turn; returns how many calls follow."""
    wanted = UUID(run_id) if run_id else None
    try:
        calls, seconds = indexing.work(wanted, owner=f"{self.request.hostname}:{self.request.id}")
    except indexing.DatabaseLost as exc:
        # Under the same id, and so as the same owner: a database that restarts costs seconds, not a lease.
        if self.request.retries >= len(AGAIN_AFTER):
            raise
        raise self.retry(args=[str(exc.run_id)], countdown=AGAIN_AFTER[self.request.retries], exc=exc) from exc
    for _ in range(calls):
        enqueue("datasets.index_document")
    if seconds:
        enqueue("datasets.index_document", countdown=seconds)
    return calls


@shared_task(name="datasets.sweep_indexing")
def sweep_indexing() -> int:
    """Every few seconds: start again what a dead worker or a lost message left, and remove what was deleted."""
    overdue = runs.overdue_runs()
    for run_id in overdue:
        enqueue("datasets.index_document", str(run_id))
    for _ in range(scheduling.calls_missing()):
        enqueue("datasets.index_document")
    for name, row_id in maintenance.deleted_rows():
        enqueue(name, str(row_id))
    for dataset_id in maintenance.slow_datasets():
        enqueue("datasets.optimise_vectors", str(dataset_id))
    if seconds := runs.seconds_to_next_sweep():
        enqueue("datasets.sweep_indexing", countdown=seconds)
    return len(overdue)


@shared_task(name="datasets.forget_old_vectors")
def forget_old_vectors() -> int:
    """Once a day: remove cached vectors that nobody needed for a month."""
    return vector_cache.forget_old_vectors()


@shared_task(name="datasets.purge_document", autoretry_for=(ConsoleError,), retry_backoff=True, max_retries=5)
def purge_document(document_id: str) -> None:
    """Remove what a deleted document left."""
    documents.purge_document(UUID(document_id))


@shared_task(name="datasets.purge_dataset", autoretry_for=(ConsoleError,), retry_backoff=True, max_retries=5)
def purge_dataset(dataset_id: str) -> None:
    """Remove what a deleted dataset left."""
    datasets.purge_dataset(UUID(dataset_id))


@shared_task(name="datasets.move_vectors", bind=True)
def move_vectors(self: Any, move_id: str) -> str:
    """Go on with a move for a few minutes, and leave the rest to the next message."""
    owner = f"{self.request.hostname}:{self.request.id}"
    try:
        state = migrating.carry_on(UUID(move_id), owner=owner, seconds=180).state
    except migrating.MoveTaken:
        return "taken"
    if state == migrating.State.COPYING:
        enqueue("datasets.move_vectors", move_id)
    return state


@shared_task(name="datasets.import_pages", soft_time_limit=120, time_limit=150)
def import_pages(import_id: str) -> bool:
    """Fetch pages for a while, and leave the rest to the next message."""
    more = importing_work.work(UUID(import_id))
    if more:
        enqueue("datasets.import_pages", import_id)
    return more


@shared_task(name="datasets.reconcile_vectors")
def reconcile_vectors(dataset_id: str = "") -> str:
    """Once a day: compare the vectors of every dataset with its chunks, each in a job of its own."""
    if dataset_id:
        done = spaces_reconcile.reconcile(UUID(dataset_id))
        return f"removed {done.removed}, made {done.made}"
    for each in spaces_reconcile.datasets_to_reconcile():
        enqueue("datasets.reconcile_vectors", str(each))
    return ""


@shared_task(name="datasets.drop_old_vectors")
def drop_old_vectors(move_id: str) -> bool:
    """Remove what a move left behind; the sweep asks again when the store does not answer."""
    return migrating.drop_old(UUID(move_id))


@shared_task(name="datasets.optimise_vectors", soft_time_limit=840, time_limit=870)
def optimise_vectors(dataset_id: str) -> None:
    """Build the index that a grown dataset needs to stay fast."""
    maintenance.optimise_vectors(UUID(dataset_id))


@shared_task(name="datasets.forget_old_queries")
def forget_old_queries() -> int:
    """Every day: forget what datasets were asked long ago."""
    return queries.forget_old_queries()


@shared_task(name="datasets.evaluate", soft_time_limit=240, time_limit=270)
def evaluate(evaluation_id: str) -> None:
    """Measure for a while, and let another task go on where this one ends."""
    if evaluate_jobs.work_on(UUID(evaluation_id)):
        enqueue("datasets.evaluate", evaluation_id)


@shared_task(name="datasets.go_on_with_evaluations")
def go_on_with_evaluations() -> None:
    """Every minute: go on with what a dead worker or a lost message left."""
    for evaluation_id in evaluate_jobs.unfinished_evaluations():
        enqueue("datasets.evaluate", str(evaluation_id))
