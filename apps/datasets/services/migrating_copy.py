"""The copying of a move: page after page, what the new place lacks comes from the old one, or is embedded anew.

PostgreSQL says what has to be there. A page can be copied any number of times, and by two workers at once. A chunk
that was deleted or changed while it was on its way is noticed after it was written, and put right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet

from apps.datasets.models import Chunk, VectorMove
from apps.datasets.services.calling import vectors_for
from apps.datasets.services.embedding import search_text
from apps.datasets.services.spaces import source_of, target_of
from apps.datasets.vectorstores.protocol import Record
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model

PAGE = 128
ATTEMPTS = 5
"""How often a chunk that keeps changing is copied within one page; the next pass comes anyway."""


def ready_chunks(dataset_id: UUID) -> QuerySet[Chunk]:
    """What a search may have to find, or may have to find again when it is switched on."""
    return Chunk.objects.filter(
        dataset_id=dataset_id, status=Chunk.Status.READY, document__deleted_at=None, dataset__deleted_at=None
    )


def count_ready_chunks(dataset_id: UUID) -> int:
    """How many there are; a chunk that two versions share counts once."""
    return ready_chunks(dataset_id).values("id").distinct().count()


def pages_of_ids(dataset_id: UUID, *, after: UUID | None = None, size: int = PAGE) -> Iterator[list[UUID]]:
    """The ids of the ready chunks, page by page, in order."""
    while True:
        chunks = ready_chunks(dataset_id).order_by("id").values_list("id", flat=True).distinct()
        page = list((chunks if after is None else chunks.filter(id__gt=after))[:size])
        if page:
            yield page
        if len(page) < size:
            return
        after = page[-1]


@dataclass(slots=True)
class Copying:
    """Copies for one move. `refused` are the chunks that the model makes no vector of."""

    move: VectorMove
    refused: set[UUID] = field(default_factory=set)
    _model: EmbeddingModel | None = None

    def missing(self, ids: Sequence[UUID]) -> list[UUID]:
        """Which of these the new place lacks, although it could have them."""
        target = target_of(self.move)
        held = target.open().held(target.ns, ids)
        return [each for each in ids if each not in held and each not in self.refused]

    def copy(self, ids: Sequence[UUID]) -> None:
        """Write these chunks to the new place, as PostgreSQL has them after the writing."""
        left = list(ids)
        for _ in range(ATTEMPTS):
            if not left:
                return
            before = self._texts(left)
            self._write(before)
            after = self._texts(left)
            self._forget([each for each in left if each not in after])
            left = [each for each, chunk in after.items() if each not in before or not _same(before[each], chunk)]

    def _texts(self, ids: Sequence[UUID]) -> dict[UUID, Chunk]:
        chunks = ready_chunks(self.move.dataset_id).filter(id__in=ids).defer("terms", "lexemes")
        return {chunk.id: chunk for chunk in chunks.order_by("version")}

    def _write(self, chunks: dict[UUID, Chunk]) -> None:
        source, target = source_of(self.move), target_of(self.move)
        records: list[Record] = []
        if source.ns == target.ns:
            records = source.open().fetch(source.ns, list(chunks))
        known = {record.id for record in records}
        records += self._embedded([chunk for key, chunk in chunks.items() if key not in known])
        target.open().upsert(target.ns, records)

    def _embedded(self, chunks: Sequence[Chunk]) -> list[Record]:
        if not chunks:
            return []
        if self._model is None:
            self._model = open_embedding_model(self.move.to_model, team_id=self.move.team_id)
        if self._model.space != self.move.to_space:
            # The model that made the old vectors is gone: what had none keeps none.
            self.refused |= {chunk.id for chunk in chunks}
            return []
        made = vectors_for([search_text(each) for each in chunks], model=self._model, team_id=self.move.team_id)
        pairs = list(zip(chunks, made.vectors, strict=True))
        self.refused |= {chunk.id for chunk, vector in pairs if vector is None}
        return [
            Record(id=chunk.id, document_id=chunk.document_id, vector=vector)
            for chunk, vector in pairs
            if vector is not None
        ]

    def _forget(self, ids: Sequence[UUID]) -> None:
        """Deleted, or being embedded again, since the page was read; whoever embeds it writes it here too."""
        if ids:
            chunks = Chunk.objects.filter(dataset_id=self.move.dataset_id, document__deleted_at=None, id__in=ids)
            alive = set(chunks.values_list("id", flat=True))
            target = target_of(self.move)
            target.open().delete(target.ns, ids=[each for each in ids if each not in alive])


def _same(one: Chunk, other: Chunk) -> bool:
    return search_text(one) == search_text(other)
