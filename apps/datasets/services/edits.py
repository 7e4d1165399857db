"""What people changed about chunks, applied wherever the same passage is read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from django.db.models import QuerySet

from apps.datasets.models import Chunk, ChunkEdit, Document, IndexRun
from apps.datasets.text.chunk import Chunk as Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A chunk as it is to be written: the file's passage, or what somebody made of it."""

    id: UUID
    passage: Passage
    text: str
    answer: str
    is_enabled: bool = True
    origin: str = Chunk.Origin.READ.value
    parent_id: UUID | None = None


def chunk_id(document: Document, key: str) -> UUID:
    """The same for the same passage of the same document, in whichever version or attempt."""
    return uuid5(document.dataset_id, f"{document.id}:{key}")


def parent_id(document: Document, key: str) -> UUID:
    """The same for parents; never that of a chunk."""
    return uuid5(document.dataset_id, f"{document.id}:parent:{key}")


@dataclass(slots=True)
class Edits:
    """The changes of one document while a version of it is read."""

    document: Document
    found: set[UUID] = field(default_factory=set)

    def apply(self, passages: Sequence[Passage]) -> list[Written]:
        """The passages as people want them; what they deleted is left out."""
        changed = {edit.key: edit for edit in self.current().filter(key__in=[passage.key for passage in passages])}
        self.found |= {edit.id for edit in changed.values()}
        return [
            self._written(passage, changed.get(passage.key))
            for passage in passages
            if not (passage.key in changed and changed[passage.key].is_removed)
        ]

    def added(self, *, first: int) -> list[Written]:
        """The chunks that people wrote themselves; they come after those of the file, in the order they were added."""
        rows = self.current(is_added=True).filter(is_removed=False).order_by("id")
        return [self._written(added_passage(edit, ordinal=first + at), edit) for at, edit in enumerate(rows)]

    def note_lost(self, run: IndexRun) -> int:
        """Remember which changes found nothing to apply to in this version; returns how many."""
        self.current().filter(id__in=self.found).update(lost_in=None)
        return self.current().exclude(id__in=self.found).update(lost_in=run.version)

    def current(self, *, is_added: bool = False) -> QuerySet[ChunkEdit]:
        """The changes that hold: of passages of the file, or of chunks that people added."""
        return ChunkEdit.objects.filter(document=self.document, is_current=True, is_added=is_added)

    def _written(self, passage: Passage, edit: ChunkEdit | None) -> Written:
        key = chunk_id(self.document, passage.key)
        parent = parent_id(self.document, passage.parent.key) if passage.parent else None
        if edit is None:
            return Written(id=key, passage=passage, text=passage.text, answer=passage.answer, parent_id=parent)
        return Written(
            id=key,
            passage=passage,
            text=edit.text,
            answer=edit.answer,
            is_enabled=edit.is_enabled,
            origin=origin_of(edit, text=passage.text, answer=passage.answer),
            parent_id=parent,
        )


def added_passage(edit: ChunkEdit, *, ordinal: int) -> Passage:
    """A chunk that stands nowhere in the file."""
    return Passage(
        ordinal=ordinal,
        text=edit.text,
        answer=edit.answer,
        page=None,
        char_start=0,
        char_end=0,
        heading_path=tuple(edit.original.get("heading_path", ())),
        key=edit.key,
    )


def origin_of(edit: ChunkEdit, *, text: str, answer: str) -> str:
    """Where the words of a chunk come from once a change is applied."""
    if edit.is_added:
        return Chunk.Origin.ADDED.value
    same = (edit.text, edit.answer) == (text, answer)
    return Chunk.Origin.READ.value if same else Chunk.Origin.EDITED.value
