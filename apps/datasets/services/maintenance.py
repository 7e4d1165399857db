"""What nobody asks for and somebody has to do."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.utils import timezone

from apps.datasets.models import Dataset, Document
from apps.datasets.services.importing import overdue_imports
from apps.datasets.services.migrating import overdue_moves
from apps.datasets.services.spaces import place_of

#: Time for the job that was enqueued with the deletion; only then is it taken for lost.
GRACE = dt.timedelta(minutes=2)
LIMIT = 100


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


def optimise_vectors(dataset_id: UUID) -> None:
    """Let the store prepare itself for a dataset that has outgrown exact search."""
    dataset = Dataset.objects.live().filter(id=dataset_id).first()
    place = place_of(dataset) if dataset is not None else None
    if place is not None:
        place.open().optimise(place.ns)
