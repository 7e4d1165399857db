"""The background jobs of datasets. Each takes ids only, may run twice, and leaves the work to a service."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error

from apps.datasets.services import datasets, documents, indexing, maintenance, runs
from support.errors import ConsoleError
from support.jobs import enqueue

logger = logging.getLogger(__name__)


@shared_task(name="datasets.index_document", bind=True, max_retries=None, soft_time_limit=540, time_limit=600)
def index_document(self: Any, run_id: str) -> int:
    """Read a document and hand out its batches; returns how many."""
    owner = f"{self.request.hostname}:{self.request.id}:{self.request.retries}"
    return _carry_on(self, run_id, lambda: indexing.index_run(UUID(run_id), owner=owner))


@shared_task(name="datasets.embed_batch", bind=True, max_retries=None)
def embed_batch(self: Any, run_id: str, start: int) -> int:
    """Embed the chunks of one batch; returns how many batches come next."""
    redelivered = bool((self.request.delivery_info or {}).get("redelivered")) and not self.request.retries
    return _carry_on(self, run_id, lambda: indexing.embed_next(UUID(run_id), start, redelivered=redelivered))


@shared_task(name="datasets.sweep_indexing")
def sweep_indexing() -> int:
    """Every minute: start again what a dead worker or a lost message left, and remove what was deleted."""
    overdue = runs.overdue_runs()
    for run_id in overdue:
        enqueue("datasets.index_document", str(run_id))
    for name, row_id in maintenance.deleted_rows():
        enqueue(name, str(row_id))
    return len(overdue)


@shared_task(name="datasets.purge_document", autoretry_for=(ConsoleError,), retry_backoff=True, max_retries=5)
def purge_document(document_id: str) -> None:
    """Remove what a deleted document left."""
    documents.purge_document(UUID(document_id))


@shared_task(name="datasets.purge_dataset", autoretry_for=(ConsoleError,), retry_backoff=True, max_retries=5)
def purge_dataset(dataset_id: str) -> None:
    """Remove what a deleted dataset left."""
    datasets.purge_dataset(UUID(dataset_id))


@shared_task(name="datasets.optimise_vectors", soft_time_limit=840, time_limit=870)
def optimise_vectors(dataset_id: str) -> None:
    """Build the index that a grown dataset needs to stay fast."""
    maintenance.optimise_vectors(UUID(dataset_id))


def _carry_on(task: Any, run_id: str, step: Callable[[], list[int]]) -> int:
    """Do a step and enqueue what comes next; wait and try again when a provider or store asks for it."""
    try:
        starts = step()
    except ConsoleError as exc:
        attempt = task.request.retries
        if attempt >= indexing.MAX_RETRIES:
            runs.fail_run(UUID(run_id), runs.Reason.of(exc))
            return 0
        wait = indexing.seconds_to_wait(exc, attempt=attempt)
        runs.expect_retry(UUID(run_id), seconds=wait)
        raise task.retry(exc=exc, countdown=wait) from exc
    except SoftTimeLimitExceeded as exc:
        # What was embedded is kept; the rest goes on in another task.
        runs.note_redelivery(UUID(run_id))
        raise task.retry(exc=exc, countdown=1) from exc
    except Error:
        raise  # the database: the lease ends by itself, and the sweep starts again
    except Exception:  # the border of indexing: no document is left without a reason
        logger.exception("indexing run %s failed", run_id)
        runs.fail_run(UUID(run_id), indexing.OUR_FAULT)
        return 0
    for start in starts:
        enqueue("datasets.embed_batch", run_id, start)
    return len(starts)
