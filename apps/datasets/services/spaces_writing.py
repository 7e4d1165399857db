"""Writing vectors while they may be moving: to the place of the run, and to the one that the dataset moves to.

The rows that make a chunk searchable are written after its vectors and only if these are where the run belongs at that
moment; a move that switches in between makes the worker do its batch again, in the new place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

from django.db import transaction

from apps.datasets.models import Dataset, IndexRun, VectorMove
from apps.datasets.services.errors import VectorsMoved
from apps.datasets.services.runs import hold_run
from apps.datasets.services.spaces import Place, make_place, place_of, place_of_run, target_of
from apps.datasets.vectorstores.protocol import Record
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

EmbedFor = Callable[[EmbeddingModel], Sequence[Record]]


def choose_place(run: IndexRun, *, owner: str, config_hash: str) -> None:
    """Write down where the run keeps its vectors (its space is chosen) and make that place.

    Raises VectorsMoved when the dataset has moved since the run was read.
    """
    known = run.document.dataset
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(id=known.id)
        if (dataset.vector_store, dataset.embedding_model) != (known.vector_store, known.embedding_model):
            raise VectorsMoved("The dataset moved to another vector store or model.")
        run.vector_store = dataset.vector_store
        hold_run(
            run,
            owner=owner,
            vector_store=run.vector_store,
            space=run.space,
            dim=run.dim,
            config_hash=config_hash,
        )
    place = place_of_run(run)
    place.open().ensure(place.ns)


def write_records(run: IndexRun, records: Sequence[Record], *, embed_for: EmbedFor) -> list[Place]:
    """Write to the run's place and, while the dataset moves, to the new one; returns where they are now."""
    place = place_of_run(run)
    place.open().upsert(place.ns, records)
    also = _mirror(run, records, embed_for)
    return [place] if also is None else [place, also]


def write_changed(dataset: Dataset, records: Sequence[Record], *, model: str) -> None:
    """Write the vectors of chunks that somebody changed. The caller holds the dataset's row, so no move switches.

    `model` is the one that made the vectors: raises VectorsMoved when the dataset has another one by now.
    """
    if dataset.embedding_model != model:
        raise VectorsMoved("The dataset was embedded with another model meanwhile. Try again.")
    place = place_of(dataset)
    if place is not None:
        place.open().upsert(place.ns, records)
    move = VectorMove.objects.filter(dataset=dataset, state=VectorMove.State.COPYING).first()
    if move is not None:
        _note_for_later(move, records)


def check_place(run: IndexRun, places: Collection[Place]) -> None:
    """Raise VectorsMoved unless the run, whose row the caller holds, belongs to one of the places."""
    row = IndexRun.objects.filter(id=run.id).values_list("vector_store", "space", "dim").get()
    if make_place(row[0], run.document.dataset_id, row[1], row[2]) not in places:
        raise VectorsMoved("The dataset moved to another vector store or model while a batch was embedded.")


def _mirror(run: IndexRun, records: Sequence[Record], embed_for: EmbedFor) -> Place | None:
    """Write to where the dataset moves to. What goes wrong there stops nothing: the move finds what is missing."""
    move = VectorMove.objects.filter(dataset_id=run.document.dataset_id, state=VectorMove.State.COPYING).first()
    if move is None:
        return None
    target = target_of(move)
    try:
        if move.to_space != run.space:
            records = embed_for(open_embedding_model(move.to_model, team_id=move.team_id))
        target.open().upsert(target.ns, records)
    except ConsoleError as exc:
        logger.warning("dataset %s: not mirrored to %s (%s)", move.dataset_id, move.to_store, exc.code)
        _note_for_later(move, records)
        return None
    return target


@transaction.atomic
def _note_for_later(move: VectorMove, records: Sequence[Record]) -> None:
    """The new place may hold an older vector under the same id: the move writes these again before it switches."""
    row = VectorMove.objects.select_for_update().get(id=move.id)
    row.redo = sorted({*row.redo, *(str(record.id) for record in records)})
    row.save(update_fields=["redo"])
