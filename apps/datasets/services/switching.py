"""The end of a run: its version becomes the searchable one, in one transaction."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Length
from django.utils import timezone

from apps.datasets.models import Chunk, Dataset, Document, DocumentPage, IndexRun
from apps.datasets.services import figures
from apps.datasets.services.embedding import pending_chunks
from apps.datasets.services.maintenance import GROWN
from apps.datasets.services.runs import forget_vectors, remove_version
from apps.datasets.text.analyze import ANALYZER_VERSION
from support.jobs import enqueue_on_commit


@transaction.atomic
def switch_version(run_id: UUID) -> bool:
    """Make the run's version searchable if all of it is ready; False when it is not, or somebody was first."""
    found = IndexRun.objects.select_related("document").filter(id=run_id).first()
    if found is None:
        return False
    # The dataset first, here as everywhere: two documents that end together take turns.
    dataset = Dataset.objects.select_for_update().get(id=found.document.dataset_id)
    run = (
        IndexRun.objects.select_for_update(of=("self",))
        .select_related("document")
        .filter(id=run_id, finished_at=None, stage=IndexRun.Stage.EMBED, document__deleted_at=None)
        .first()
    )
    if run is None or pending_chunks(run).exists():
        return False
    document = run.document
    figures.subtract_version(document)
    chunks = figures.add_version(document, version=run.version)
    Dataset.objects.filter(id=dataset.id).update(
        vector_store=run.vector_store,
        space=run.space,
        dim=run.dim,
        analyzer_version=ANALYZER_VERSION,
        updated_at=timezone.now(),
    )
    _show(document, run, chunks=chunks)
    _retire(document, run)
    _close(run)
    if dataset.chunk_count + chunks > GROWN:
        enqueue_on_commit("datasets.optimise_vectors", str(dataset.id))
    return True


def _show(document: Document, run: IndexRun, *, chunks: int) -> None:
    pages = DocumentPage.objects.filter(document=document, version=run.version)
    size = pages.aggregate(pages=Count("number", distinct=True), characters=Sum(Length("text")))
    paged = pages.filter(number__gt=0).exists()
    Document.objects.filter(id=document.id).update(
        status=Document.Status.READY,
        error=None,
        version=run.version,
        pages=size["pages"] if paged else 0,
        characters=size["characters"] or 0,
        chunk_count=chunks,
        updated_at=timezone.now(),
    )


def _retire(document: Document, run: IndexRun) -> None:
    """Remove the version that was searchable until now, and the vectors that the new one does not share."""
    if document.version:
        before = document.runs.filter(version=document.version).first()
        orphans = remove_version(document, version=document.version)
        if before is not None:
            transaction.on_commit(lambda: forget_vectors(document, before, orphans), robust=True)


def _close(run: IndexRun) -> None:
    IndexRun.objects.filter(id=run.id).update(
        stage=IndexRun.Stage.DONE,
        outcome=IndexRun.Outcome.READY,
        finished_at=timezone.now(),
        lease_owner="",
        lease_until=None,
        deliveries=0,
    )


def count_ready(run: IndexRun) -> int:
    """How many chunks of the run have their vectors."""
    return Chunk.objects.filter(document_id=run.document_id, version=run.version, status=Chunk.Status.READY).count()
