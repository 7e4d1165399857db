"""Chunks as people change them: edited, added, switched off, deleted, and taken back.

Every change is one row of history and a change of exactly one chunk: at most one text is embedded. While a document is
indexed its chunks are left alone, for two writers would not know of each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.datasets.models import Chunk, ChunkEdit, Dataset, Document, IndexRun
from apps.datasets.selectors.errors import PassageNotFound
from apps.datasets.services.calling import vectors_for
from apps.datasets.services.cutting import token_count
from apps.datasets.services.edits import chunk_id, origin_of
from apps.datasets.services.errors import DocumentIsIndexing
from apps.datasets.services.figures import shift_chunk
from apps.datasets.services.reading import searched_words
from apps.datasets.services.spaces import forget_everywhere
from apps.datasets.services.spaces_writing import write_changed
from apps.datasets.text.analyze import tsvector_literal
from apps.datasets.text.chunk import text_with_headings
from apps.datasets.vectorstores.protocol import Record
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.errors import InvalidInput, NotFound
from support.ids import uuid7

Action = ChunkEdit.Action


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a chunk says, and whether it is there and found."""

    text: str
    answer: str = ""
    is_enabled: bool = True
    is_removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change did: the chunk, and how many texts were sent to the embedding model (0 or 1)."""

    chunk_id: UUID
    embedded: int


def edit_chunk(document: Document, key: UUID, *, text: str, answer: str | None = None, by: Any = None) -> Changed:
    """Give a chunk other words. Raises InvalidInput, PassageNotFound, DocumentIsIndexing, ModelError."""
    chunk = _chunk(document, key)
    state = State(
        text=text.strip(),
        answer=chunk.answer if answer is None else answer.strip(),
        is_enabled=chunk.is_enabled,
    )
    if bool(state.answer) != bool(chunk.answer):
        raise InvalidInput(_("A question needs its answer."), field="answer")
    return _change(document, chunk.key, state, Action.EDIT, by=by, original=_original(document, chunk))


def set_chunk_enabled(document: Document, key: UUID, *, enabled: bool, by: Any = None) -> Changed:
    """Let a chunk be found, or not; nothing is embedded."""
    chunk = _chunk(document, key)
    state = State(text=chunk.text, answer=chunk.answer, is_enabled=enabled)
    action = Action.ENABLE if enabled else Action.DISABLE
    return _change(document, chunk.key, state, action, by=by, original=_original(document, chunk))


def delete_chunk(document: Document, key: UUID, *, by: Any = None) -> Changed:
    """Take a chunk out; it stays out when the file is read again, until somebody takes that back."""
    chunk = _chunk(document, key)
    state = State(text=chunk.text, answer=chunk.answer, is_enabled=chunk.is_enabled, is_removed=True)
    return _change(document, chunk.key, state, Action.DELETE, by=by, original=_original(document, chunk))


def add_chunk(
    document: Document, *, text: str, answer: str = "", parent: UUID | None = None, by: Any = None
) -> Changed:
    """Add a chunk that is not in the file; it comes after those that are."""
    original = {"parent_id": str(parent) if parent else None}
    state = State(text=text.strip(), answer=answer.strip())
    return _change(document, f"added-{uuid7()}", state, Action.ADD, by=by, original=original)


def undo_edit(document: Document, edit_id: UUID, *, by: Any = None) -> Changed:
    """Go back to how the chunk was before its newest change."""
    edit = document.edits.filter(id=edit_id, is_current=True).first()
    if edit is None:
        raise NotFound(_("This change was followed by another one; take that back first."))
    before = document.edits.filter(key=edit.key, id__lt=edit.id).order_by("-id").first()
    return _change(document, edit.key, _state_before(edit, before), Action.RESTORE, by=by, original=edit.original)


def restore_chunk(document: Document, edit_id: UUID, *, by: Any = None) -> Changed:
    """Go back to what the file says, whatever was changed since."""
    edit = document.edits.filter(id=edit_id, is_current=True, is_added=False).first()
    if edit is None:
        raise NotFound(_("There is nothing to go back to."))
    return _change(document, edit.key, _state_before(edit, None), Action.RESTORE, by=by, original=edit.original)


def forget_edit(document: Document, edit_id: UUID) -> None:
    """Let go of a change whose passage is not in the file any more."""
    document.edits.filter(id=edit_id, is_current=True, lost_in=document.version).update(is_current=False)


def keep_lost_edit(document: Document, edit_id: UUID, *, by: Any = None) -> Changed:
    """Make a chunk of its own of a change whose passage is not in the file any more."""
    edit = document.edits.filter(id=edit_id, is_current=True, lost_in=document.version).first()
    if edit is None:
        raise NotFound(_("There is no such change."))
    added = add_chunk(document, text=edit.text, answer=edit.answer, by=by)
    forget_edit(document, edit_id)
    return added


def _state_before(edit: ChunkEdit, before: ChunkEdit | None) -> State:
    if before is not None:
        return State(text=before.text, answer=before.answer, is_enabled=before.is_enabled, is_removed=before.is_removed)
    if edit.is_added:
        return State(text=edit.text, answer=edit.answer, is_removed=True)
    return State(text=edit.original["text"], answer=edit.original.get("answer", ""))


def _change(
    document: Document, key: str, state: State, action: str, *, by: Any, original: Mapping[str, Any]
) -> Changed:
    """Bring one chunk into a state: vector first, then the row, the figures and the history in one transaction."""
    _refuse_while_indexing(document)
    chunk = document.chunks.filter(version=document.version, key=key).first()
    headings = tuple(original.get("heading_path", ()))
    is_new_text = not state.is_removed and (chunk is None or (chunk.text, chunk.answer) != (state.text, state.answer))
    embedded, vector = _vector(document, state, headings) if is_new_text else (0, None)
    identity = chunk_id(document, key)
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(id=document.dataset_id)
        fresh = Document.objects.select_for_update().get(id=document.id)
        if fresh.version != document.version or fresh.runs.filter(finished_at=None).exists():
            raise DocumentIsIndexing(_("The document is being indexed. Try again when that has ended."))
        if vector is not None:
            record = Record(id=identity, document_id=document.id, vector=vector)
            write_changed(dataset, [record], model=document.dataset.embedding_model)
        edit = _note(document, key, state, action, by=by, original=original)
        delta = _write(fresh, chunk, edit, state)
        Document.objects.filter(id=document.id).update(chunk_count=F("chunk_count") + delta, updated_at=timezone.now())
        if state.is_removed:
            transaction.on_commit(lambda: forget_everywhere(document.dataset_id, ids=[identity]), robust=True)
    return Changed(chunk_id=identity, embedded=embedded)


def _write(document: Document, chunk: Chunk | None, edit: ChunkEdit, state: State) -> int:
    """Change, add or remove the row and the figures; returns by how many chunks there are more."""
    if chunk is not None:
        shift_chunk(document.dataset_id, terms=chunk.terms, sign=-1)
    if state.is_removed:
        document.chunks.filter(version=document.version, key=edit.key)._raw_delete("default")
        return -1 if chunk is not None else 0
    headings = chunk.heading_path if chunk else edit.original.get("heading_path", [])
    terms = searched_words(state.text, headings, state.answer)
    values: dict[str, Any] = {
        "text": state.text,
        "answer": state.answer,
        "is_enabled": state.is_enabled,
        "origin": origin_of(edit, text=edit.original.get("text", ""), answer=edit.original.get("answer", "")),
        "terms": terms,
        "term_count": sum(terms.values()),
        "lexemes": tsvector_literal(terms),
        "status": Chunk.Status.READY,
    }
    shift_chunk(document.dataset_id, terms=terms, sign=1)
    if chunk is not None:
        document.chunks.filter(version=document.version, key=edit.key).update(**values)
        return 0
    Chunk.objects.create(**_place(document, edit), **values)
    return 1


def _place(document: Document, edit: ChunkEdit) -> dict[str, Any]:
    """Where a chunk that comes (back) stands: its old place if that is free, else at the end."""
    here = document.chunks.filter(version=document.version)
    last = here.aggregate(last=Max("ordinal"))["last"]
    wanted = edit.original.get("ordinal")
    free = wanted is not None and not here.filter(ordinal=wanted).exists()
    original = edit.original
    return {
        "id": edit.chunk_id,
        "version": document.version,
        "team_id": document.team_id,
        "dataset_id": document.dataset_id,
        "document": document,
        "key": edit.key,
        "ordinal": wanted if free else (0 if last is None else last + 1),
        "parent_id": original.get("parent_id"),
        "page": original.get("page"),
        "char_start": original.get("char_start", 0),
        "char_end": original.get("char_end", 0),
        "heading_path": list(original.get("heading_path", [])),
    }


def _note(
    document: Document, key: str, state: State, action: str, *, by: Any, original: Mapping[str, Any]
) -> ChunkEdit:
    document.edits.filter(key=key, is_current=True).update(is_current=False)
    return ChunkEdit.objects.create(
        team_id=document.team_id,
        document=document,
        chunk_id=chunk_id(document, key),
        key=key,
        action=action,
        text=state.text,
        answer=state.answer,
        is_enabled=state.is_enabled,
        is_removed=state.is_removed,
        is_added=key.startswith("added-"),
        original=dict(original),
        created_by=by if getattr(by, "pk", None) else None,
    )


def _vector(document: Document, state: State, headings: tuple[str, ...]) -> tuple[int, list[float] | None]:
    """The vector of one text, checked against the model's limit before anything is sent."""
    if not state.text:
        raise InvalidInput(_("A chunk needs a text."), field="text")
    model = open_embedding_model(document.dataset.embedding_model, team_id=document.team_id)
    searched = state.text if state.answer else text_with_headings(state.text, headings)
    _check_length(searched, model)
    found = vectors_for([searched], model=model, team_id=document.team_id)
    return found.called, found.vectors[0]


def _check_length(text: str, model: EmbeddingModel) -> None:
    tokens = token_count(model)(text)
    if tokens > model.max_tokens:
        raise InvalidInput(
            _("The chunk has about %(tokens)d tokens and the embedding model reads %(limit)d. Make it two.")
            % {"tokens": tokens, "limit": model.max_tokens},
            field="text",
        )


def _chunk(document: Document, key: UUID) -> Chunk:
    chunk = document.chunks.filter(version=document.version, id=key, status=Chunk.Status.READY).first()
    if chunk is None:
        raise PassageNotFound("This passage is gone: its document was deleted or has other text now.")
    return chunk


def _original(document: Document, chunk: Chunk) -> dict[str, Any]:
    """What the file says in the chunk's place: noted with its first change."""
    first = document.edits.filter(key=chunk.key).order_by("id").first()
    if first is not None:
        return dict(first.original) | ({"ordinal": chunk.ordinal} if not first.is_added else {})
    return {
        "text": chunk.text,
        "answer": chunk.answer,
        "ordinal": chunk.ordinal,
        "parent_id": str(chunk.parent_id) if chunk.parent_id else None,
        "page": chunk.page,
        "char_start": chunk.char_start,
        "char_end": chunk.char_end,
        "heading_path": chunk.heading_path,
    }


def _refuse_while_indexing(document: Document) -> None:
    if IndexRun.objects.filter(document=document, finished_at=None).exists():
        raise DocumentIsIndexing(_("The document is being indexed. Try again when that has ended."))
