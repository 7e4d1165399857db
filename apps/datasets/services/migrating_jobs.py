"""Moves that the workers carry out: asked for on a page, gone on with by whoever is free."""

from __future__ import annotations

from django.db import transaction

from apps.datasets.models import Dataset, VectorMove
from apps.datasets.services.migrating import start_move
from support.jobs import enqueue_on_commit


@transaction.atomic
def ask_for_move(dataset: Dataset, *, store: str, model: str) -> VectorMove:
    """Begin a move and leave it to the workers. Raises what `start_move` raises."""
    move = start_move(dataset, store=store, model="" if model == dataset.embedding_model else model)
    enqueue_on_commit("datasets.move_vectors", str(move.id))
    return move
