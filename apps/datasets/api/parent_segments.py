"""Documents with parents over the API: each parent is a segment, and what is embedded of it are its child chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.datasets.api.shapes import hits_of_chunks, segment_body
from apps.datasets.models import Chunk, ChunkParent, Document
from apps.datasets.selectors.documents import chunks_of
from apps.datasets.selectors.errors import PassageNotFound
from apps.datasets.services.chunks import delete_chunk, set_chunk_enabled
from apps.datasets.text.scripts import estimate_tokens


def children_of(document: Document, *parents: UUID) -> QuerySet[Chunk]:
    """The children of these parents, in order. Questions written about a passage are no children: they have answers."""
    return chunks_of(document).select_related("document").filter(parent_id__in=parents, answer="")


def has_parents(document: Document) -> bool:
    """Whether the document, as it is indexed, is cut into children under parents."""
    return chunks_of(document).filter(parent_id__isnull=False, answer="").exists()


class ParentSegments:
    """A document's segments, counted and sliced like a queryset: parents, then the chunks that have none."""

    def __init__(self, document: Document, *, keyword: str = "") -> None:
        self._document = document
        # One whose children are all deleted is none any more: nothing leads to it.
        children = Chunk.objects.filter(document=document, parent_id=OuterRef("id"), version=OuterRef("version"))
        parents = ChunkParent.objects.filter(Exists(children), document=document, version=document.version)
        self._parents = parents.order_by("ordinal")
        self._loose = chunks_of(document).select_related("document").filter(parent_id=None)
        if keyword:
            self._parents = self._parents.filter(text__icontains=keyword)
            self._loose = self._loose.filter(text__icontains=keyword)

    def count(self) -> int:
        """How many there are."""
        return self._parents.count() + self._loose.count()

    def bodies(self, *, start: int, stop: int) -> list[dict[str, Any]]:
        """Those between two places, as clients read them."""
        parents, number = list(self._parents[start:stop]), self._parents.count()
        loose = list(self._loose[max(0, start - number) : max(0, stop - number)])
        counted = hits_of_chunks(each.id for each in loose)
        found = [segment_body(each, hits=counted.get(each.id, 0)) for each in loose]
        return [*parent_bodies(self._document, parents), *found]


def parent_of(document: Document, segment_id: UUID) -> ChunkParent | None:
    """The parent that a segment is; None when it is a chunk, or nothing."""
    parent = ChunkParent.objects.filter(document=document, version=document.version, id=segment_id).first()
    return parent if parent is not None and children_of(document, parent.id).exists() else None


def parent_bodies(document: Document, parents: Sequence[ChunkParent]) -> list[dict[str, Any]]:
    """Parents as segments, with their children."""
    of_parent: dict[UUID | None, list[Chunk]] = {each.id: [] for each in parents}
    for chunk in children_of(document, *(each.id for each in parents)):
        of_parent[chunk.parent_id].append(chunk)
    counted = hits_of_chunks(chunk.id for chunks in of_parent.values() for chunk in chunks)
    return [
        _parent_body(document, each, of_parent[each.id], hits=_sum(counted, of_parent[each.id])) for each in parents
    ]


def child_body(chunk: Chunk) -> dict[str, Any]:
    """A child of a segment."""
    return {
        "id": str(chunk.id),
        "segment_id": str(chunk.parent_id),
        "content": chunk.text,
        "position": chunk.ordinal + 1,
        "word_count": len(chunk.text),
        "type": "automatic" if chunk.origin == Chunk.Origin.READ else "customized",
        "created_at": int(chunk.document.created_at.timestamp()),
        "updated_at": int(chunk.document.updated_at.timestamp()),
    }


def open_child(document: Document, segment_id: UUID, child_id: UUID) -> Chunk:
    """A child of a segment. Raises PassageNotFound."""
    found = children_of(document, segment_id).filter(id=child_id).first()
    if found is None:
        raise PassageNotFound("There is no such child chunk in this segment.")
    return found


@transaction.atomic
def set_parent_enabled(document: Document, parent: ChunkParent, *, enabled: bool) -> None:
    """Let all children of a parent be found, or none: what is not found brings nothing along."""
    for chunk in children_of(document, parent.id).exclude(is_enabled=enabled):
        set_chunk_enabled(document, chunk.id, enabled=enabled)


@transaction.atomic
def delete_parent(document: Document, parent: ChunkParent) -> None:
    """Take all children of a parent out; each stays out when the file is read again."""
    for chunk in children_of(document, parent.id):
        delete_chunk(document, chunk.id)


def _parent_body(document: Document, parent: ChunkParent, children: list[Chunk], *, hits: int) -> dict[str, Any]:
    created, updated = int(document.created_at.timestamp()), int(document.updated_at.timestamp())
    nothing = ("disabled_at", "disabled_by", "indexing_at", "completed_at", "error", "stopped_at", "summary")
    return {
        "id": str(parent.id),
        "position": parent.ordinal + 1,
        "document_id": str(document.id),
        "content": parent.text,
        "sign_content": parent.text,
        "answer": "",
        "word_count": len(parent.text),
        "tokens": round(estimate_tokens(parent.text)),
        "keywords": [],
        "index_node_id": str(parent.id),
        "index_node_hash": "",
        "hit_count": hits,
        "enabled": any(child.is_enabled for child in children),
        "status": "completed",
        "created_by": "",
        "created_at": created,
        "updated_at": updated,
        "child_chunks": [child_body(child) for child in children],
        "attachments": [],
        "page": parent.page,
        "heading_path": list(parent.heading_path),
    } | dict.fromkeys(nothing)


def _sum(counted: dict[UUID, int], chunks: Iterable[Chunk]) -> int:
    return sum(counted.get(chunk.id, 0) for chunk in chunks)
