"""What nobody asks for and somebody has to do."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.utils import timezone

from apps.datasets.models import Dataset, Document
from apps.datasets.services.importing import overdue_imports
from apps.datasets.services.migrating import overdue_moves
from apps.datasets.services.spaces import place_of
from apps.datasets.services.throttle import is_first
from apps.datasets.vectorstores.errors import VectorStoreError

#: Time for the job that was enqueued with the deletion; only then is it taken for lost.
GRACE = dt.timedelta(minutes=2)
LIMIT = 100
GROWN = 10_000
"""From so many chunks on, the store is asked to prepare itself for a large dataset."""
#: When a preparation that does not come to an end is begun again.
AGAIN = dt.timedelta(minutes=30)


def deleted_rows() -> list[tuple[str, UUID]]:
    """The jobs that still have to remove what was deleted."""
    before = timezone.now() - GRACE
    documents = Document.objects.filter(deleted_at__lt=before).values_list("id", flat=True)[:LIMIT]
    datasets = Dataset.objects.filter(deleted_at__lt=before).values_list("id", flat=True)[:LIMIT]
    return [
        *(("datasets.purge_document", document_id) for document_id in documents),
        *(("datasets.purge_dataset", dataset_id) for dataset_id in datasets),
        *overdue_moves(),
        *overdue_imports(),
    ]


def slow_datasets() -> list[UUID]:
    """Grown datasets whose store is not prepared for it: the message was lost, or whoever built the index died.

    Each is named once in a while only: building takes minutes, and what fails once may fail again.
    """
    found = []
    for dataset in Dataset.objects.live().filter(chunk_count__gt=GROWN).exclude(space=""):
        place = place_of(dataset)
        try:
            is_fast = place is None or place.open().is_optimised(place.ns)
        except VectorStoreError:
            continue
        if not is_fast and is_first(f"optimise:{dataset.id}", seconds=AGAIN.total_seconds()):
            found.append(dataset.id)
    return found


def optimise_vectors(dataset_id: UUID) -> None:
    """Let the store prepare itself for a dataset that has outgrown exact search."""
    dataset = Dataset.objects.live().filter(id=dataset_id).first()
    place = place_of(dataset) if dataset is not None else None
    if place is not None:
        place.open().optimise(place.ns)
