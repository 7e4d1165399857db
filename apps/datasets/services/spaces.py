"""Where the vectors of a dataset are: the place it is searched in, and every place that may still hold some of them.

A place is a store and a namespace in it. There is one of them for most datasets. While its vectors move there are two,
and until the old one is removed: what is written goes to the one of its run and to the new one, what is deleted goes
from all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.datasets.models import Dataset, IndexRun, VectorMove
from apps.datasets.vectorstores.errors import VectorStoreError
from apps.datasets.vectorstores.protocol import Namespace, VectorStore
from apps.datasets.vectorstores.registry import open_vector_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One namespace in one store, by the store's name."""

    store: str
    ns: Namespace

    def open(self) -> VectorStore:
        """The store. Raises StoreMisconfigured."""
        return open_vector_store(self.store)


def make_place(store: str, dataset_id: UUID, space: str, dim: int, *, size: int | None = None) -> Place:
    """A place; `size` is how many records to expect there."""
    return Place(store=store, ns=Namespace(dataset_id=dataset_id, space=space, dim=dim, size=size))


def place_of(dataset: Dataset) -> Place | None:
    """Where the dataset is searched; None before anything was indexed."""
    if not dataset.space:
        return None
    return make_place(dataset.vector_store, dataset.id, dataset.space, dataset.dim, size=dataset.chunk_count)


def place_of_run(run: IndexRun) -> Place:
    """Where a run writes."""
    return make_place(run.vector_store, run.document.dataset_id, run.space, run.dim)


def move_under_way(dataset: Dataset) -> VectorMove | None:
    """The move that is copying the dataset's vectors at the moment."""
    return VectorMove.objects.filter(dataset=dataset, state=VectorMove.State.COPYING).first()


def target_of(move: VectorMove) -> Place:
    """Where a move leads."""
    return make_place(move.to_store, move.dataset_id, move.to_space, move.to_dim)


def source_of(move: VectorMove) -> Place:
    """Where a move comes from."""
    return make_place(move.from_store, move.dataset_id, move.from_space, move.from_dim)


def places_of(dataset_id: UUID) -> list[Place]:
    """Every place that may hold vectors of the dataset."""
    datasets = Dataset.objects.filter(id=dataset_id).values_list("vector_store", "space", "dim")
    runs = IndexRun.objects.filter(document__dataset_id=dataset_id).order_by()
    open_states = (VectorMove.State.COPYING, VectorMove.State.SWITCHED)
    moves = VectorMove.objects.filter(dataset_id=dataset_id, state__in=open_states).order_by()
    found = {
        *datasets,
        *runs.values_list("vector_store", "space", "dim").distinct(),
        *moves.values_list("to_store", "to_space", "to_dim"),
        *moves.values_list("from_store", "from_space", "from_dim"),
    }
    return [make_place(store, dataset_id, space, dim) for store, space, dim in sorted(found) if space]


def forget_everywhere(
    dataset_id: UUID, *, ids: Sequence[UUID] | None = None, document_ids: Sequence[UUID] | None = None
) -> None:
    """Delete vectors by one criterion from every place. Raises a store's error only after all were tried."""
    _try_all(dataset_id, lambda place: place.open().delete(place.ns, ids=ids, document_ids=document_ids))


def drop_everywhere(dataset_id: UUID) -> None:
    """Remove all that any store holds of the dataset."""
    _try_all(dataset_id, lambda place: place.open().drop(place.ns))


def _try_all(dataset_id: UUID, act: Callable[[Place], object]) -> None:
    first: VectorStoreError | None = None
    for place in places_of(dataset_id):
        try:
            act(place)
        except VectorStoreError as exc:
            first = first or exc
    if first is not None:
        raise first
