"""Comparing a dataset's vectors with PostgreSQL, both ways: what nobody needs goes, what is missing is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from apps.datasets.models import Chunk, Dataset
from apps.datasets.services.calling import vectors_for
from apps.datasets.services.embedding import search_text
from apps.datasets.services.migrating_copy import pages_of_ids, ready_chunks
from apps.datasets.services.spaces import Place, place_of
from apps.datasets.services.spaces_writing import write_changed
from apps.datasets.vectorstores.protocol import Record
from providers.services import open_embedding_model

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How many vectors were removed because nothing needs them, and how many were made because they were missing."""

    removed: int = 0
    made: int = 0


def datasets_to_reconcile() -> list[UUID]:
    """Every live dataset that has vectors somewhere."""
    return list(Dataset.objects.live().exclude(space="").order_by("id").values_list("id", flat=True))


def reconcile(dataset_id: UUID) -> Reconciled:
    """Bring the store in line with PostgreSQL; safe to repeat. Raises what stores and models do."""
    dataset = Dataset.objects.live().filter(id=dataset_id).first()
    place = place_of(dataset) if dataset is not None else None
    if dataset is None or place is None:
        return Reconciled()
    return Reconciled(removed=_remove_orphans(place), made=_make_missing(dataset, place))


def _remove_orphans(place: Place) -> int:
    """A chunk's row is written before its vector and goes after it, so a vector without a row is nobody's."""
    store, removed = place.open(), 0
    for batch in store.iterate(place.ns, batch=BATCH, vectors=False):
        found = [record.id for record in batch]
        chunks = Chunk.objects.filter(dataset_id=place.ns.dataset_id, document__deleted_at=None, id__in=found)
        needed = set(chunks.values_list("id", flat=True))
        removed += store.delete(place.ns, ids=[each for each in found if each not in needed])
    return removed


def _make_missing(dataset: Dataset, place: Place) -> int:
    made = 0
    for page in pages_of_ids(dataset.id, size=BATCH):
        held = place.open().held(place.ns, page)
        made += _make(dataset, [each for each in page if each not in held])
    return made


def _make(dataset: Dataset, ids: Sequence[UUID]) -> int:
    if not ids:
        return 0
    chunks = {chunk.id: chunk for chunk in ready_chunks(dataset.id).filter(id__in=ids).defer("terms", "lexemes")}
    model = open_embedding_model(dataset.embedding_model, team_id=dataset.team_id)
    if model.space != dataset.space:
        return 0
    texts = {key: search_text(chunk) for key, chunk in chunks.items()}
    vectors = vectors_for(list(texts.values()), model=model, team_id=dataset.team_id).vectors
    made = {key: vector for key, vector in zip(texts, vectors, strict=True) if vector is not None}
    with transaction.atomic():
        # Nobody moves the dataset or changes a chunk while this is held.
        held = Dataset.objects.select_for_update().get(id=dataset.id)
        same = [
            Record(id=chunk.id, document_id=chunk.document_id, vector=made[chunk.id])
            for chunk in ready_chunks(dataset.id).filter(id__in=list(made)).order_by("id", "version")
            if search_text(chunk) == texts[chunk.id]
        ]
        write_changed(held, same, model=dataset.embedding_model)
    return len({record.id for record in same})
