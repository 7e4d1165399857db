"""The first stage of a run: a child process reads the file, and its pages and chunks are written as they come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Greatest

from apps.datasets.models import Chunk, Document, IndexRun
from apps.datasets.services.blobs import blob_path
from apps.datasets.services.cutting import Cutting
from apps.datasets.services.edits import Edits, Written, parent_id
from apps.datasets.services.progress import marked
from apps.datasets.services.runs import RunEnded, hold_run, remove_version
from apps.datasets.text.analyze import term_counts, tsvector_literal
from apps.datasets.text.child import Progress, extract_in_child
from apps.datasets.text.chunk import Chunk as Passage
from apps.datasets.text.chunk import Parent, text_with_headings
from apps.datasets.text.errors import Cancelled, Damaged, EmptyDocument, TooLarge
from apps.datasets.text.limits import Limits
from apps.datasets.text.page_parts import PagePart, PageRecorder
from apps.datasets.text.sections import Section

FLUSH = 256
"""Chunks written at once: also what a worker holds in memory."""
MAX_CHUNKS = 200_000
LEAST_CHUNK = 400
"""Characters of a chunk, by which the limit of chunks grows with an operator's limit of uploads."""
LIMITS = Limits(wall_seconds=300.0)

_CHUNKS = """
    COPY datasets_chunk (id, version, team_id, dataset_id, document_id, ordinal, key, text, answer, parent_id, origin,
        page, char_start, char_end, heading_path, terms, term_count, lexemes, is_enabled, status) FROM STDIN
"""
_PARENTS = """
    COPY datasets_chunkparent (id, version, team_id, document_id, ordinal, text, page, page_end, char_start, char_end,
        heading_path, is_asked) FROM STDIN
"""
_PAGES = "COPY datasets_documentpage (document_id, version, team_id, number, char_start, text) FROM STDIN"


def read_document(run: IndexRun, *, owner: str, cutting: Cutting) -> int:
    """Read the run's file into chunks; returns how many. Raises ExtractionError or RunEnded."""
    document = run.document
    with transaction.atomic():
        hold_run(run, owner=owner)
        # What an earlier delivery wrote; nothing of it is searchable, and the same comes again.
        remove_version(document, version=run.version)
    recorder = PageRecorder()
    sections = extract_in_child(
        content_of(run.blob),
        document.name,
        limits=limits_now(),
        clean=cutting.clean,
        cancelled=_Watch(run),
        on_progress=_Progress(run, owner),
    )
    writer = _Writer(run, owner, cutting)
    try:
        passages = _cut_lazily(cutting, recorder.through(sections), document)
        while batch := list(islice(passages, FLUSH)):
            writer.write(batch, recorder.take())
    except Cancelled as exc:
        raise RunEnded from exc
    if writer.read == 0:
        raise EmptyDocument
    writer.finish(recorder.take())
    _note_unreadable(document, recorder.unreadable)
    return writer.total


def limits_now() -> Limits:
    """What one document may have: an operator who lets larger files in lets what they hold in, too."""
    most: int = settings.MAX_UPLOAD_BYTES
    return replace(LIMITS, max_bytes=max(LIMITS.max_bytes, most), max_chars=max(LIMITS.max_chars, most))


def max_chunks() -> int:
    """The most chunks of one document."""
    return max(MAX_CHUNKS, settings.MAX_UPLOAD_BYTES // LEAST_CHUNK)


def _cut_lazily(cutting: Cutting, sections: Iterator[Section], document: Document) -> Iterator[Passage]:
    """The way of cutting depends on the kind of the file, which is known with the first section."""
    first = next(sections, None)
    if first is not None:
        yield from cutting.cut(chain([first], sections), kind=document.kind)


def keep_unchanged(run: IndexRun) -> int:
    """Mark the chunks ready that the searchable version has too, in the same space: their vectors are there."""
    document = run.document
    if not document.runs.filter(version=document.version, space=run.space, vector_store=run.vector_store).exists():
        return 0
    same = Chunk.objects.filter(
        id=OuterRef("id"), version=document.version, status=Chunk.Status.READY, text=OuterRef("text")
    )
    fresh = Chunk.objects.filter(document=document, version=run.version, status=Chunk.Status.PENDING)
    return fresh.filter(Exists(same)).update(status=Chunk.Status.READY)


def content_of(blob: str) -> Path:
    """The stored file. Raises Damaged when it is gone."""
    path = blob_path(blob)
    if not path.is_file():
        raise Damaged(kind="document", reason="its stored file is missing")
    return path


class _Writer:
    """Writes chunks, their parents and pages in batches, and numbers what it writes."""

    def __init__(self, run: IndexRun, owner: str, cutting: Cutting) -> None:
        self._run, self._owner = run, owner
        self._asks = cutting.asks_model
        self._edits = Edits(run.document)
        self._most = max_chunks()
        self._last_parent: UUID | None = None
        self.read = 0
        """Passages that the file has."""
        self.total = 0
        """Chunks that were written: without what people deleted, with what they added."""

    def write(self, passages: list[Passage], pages: list[PagePart]) -> None:
        """Write a batch while holding the run, so that a cancelled run gets no more rows."""
        self.read += len(passages)
        if self.read > self._most:
            raise TooLarge(what="chunks", limit=self._most)
        with transaction.atomic():
            hold_run(self._run, owner=self._owner)
            self._copy_pages(pages)
            if self._asks(self._run.document.kind):
                self._copy_passages(passages)
            else:
                self._copy_parents(passages)
                self._copy_chunks(self._edits.apply(passages))

    def finish(self, pages: list[PagePart]) -> None:
        """Write the last pages, and the chunks that are not from the file."""
        with transaction.atomic():
            hold_run(self._run, owner=self._owner)
            self._copy_pages(pages)
            if not self._asks(self._run.document.kind):
                self._copy_chunks(self._edits.added(first=self.total))
                self._edits.note_lost(self._run)

    def _copy_pages(self, pages: Iterable[PagePart]) -> None:
        run = self._run
        rows = ((run.document_id, run.version, run.team_id, page.number or 0, page.start, page.text) for page in pages)
        _copy(_PAGES, rows)

    def _copy_chunks(self, written: list[Written]) -> None:
        copy_written(self._run, written, first=self.total)
        self.total += len(written)

    def _copy_parents(self, passages: Iterable[Passage]) -> None:
        rows = []
        for passage in passages:
            if passage.parent is None:
                continue
            key = parent_id(self._run.document, passage.parent.key)
            if key != self._last_parent:
                rows.append(_parent_row(self._run, passage.parent, key))
            self._last_parent = key
        _copy(_PARENTS, rows)

    def _copy_passages(self, passages: Iterable[Passage]) -> None:
        """The passages that a model is to be asked about."""
        rows = []
        for passage in passages:
            parent = Parent(
                ordinal=self.total,
                text=passage.text,
                page=passage.page,
                page_end=passage.page,
                char_start=passage.char_start,
                char_end=passage.char_end,
                heading_path=passage.heading_path,
                key=passage.key,
            )
            rows.append(_parent_row(self._run, parent, parent_id(self._run.document, passage.key), is_asked=False))
            self.total += 1
        _copy(_PARENTS, rows)


def copy_written(run: IndexRun, written: Sequence[Written], *, first: int) -> None:
    """Write chunks of the run's version, numbered from `first` on."""
    _copy(_CHUNKS, (_row(run, each, ordinal=first + at) for at, each in enumerate(written)))


def _copy(statement: LiteralString, rows: Iterable[tuple[Any, ...]]) -> None:
    # What fails when the copy ends is the driver's own error, unless it is asked for as Django's.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _parent_row(run: IndexRun, parent: Parent, key: UUID, *, is_asked: bool = True) -> tuple[Any, ...]:
    return (
        key,
        run.version,
        run.team_id,
        run.document_id,
        parent.ordinal,
        parent.text,
        parent.page,
        parent.page_end,
        parent.char_start,
        parent.char_end,
        orjson.dumps(parent.heading_path).decode(),
        is_asked,
    )


def searched_words(text: str, heading_path: Sequence[str], answer: str) -> dict[str, int]:
    """The terms by which the words find a chunk: also those of its headings, and of its answer."""
    return term_counts(f"{text}\n{answer}" if answer else text_with_headings(text, heading_path))


def _row(run: IndexRun, written: Written, *, ordinal: int) -> tuple[Any, ...]:
    document, passage = run.document, written.passage
    terms = searched_words(written.text, passage.heading_path, written.answer)
    return (
        written.id,
        run.version,
        run.team_id,
        document.dataset_id,
        document.id,
        ordinal,
        passage.key,
        written.text,
        written.answer,
        written.parent_id,
        written.origin,
        passage.page,
        passage.char_start,
        passage.char_end,
        orjson.dumps(passage.heading_path).decode(),
        orjson.dumps(terms).decode(),
        sum(terms.values()),
        tsvector_literal(terms),
        written.is_enabled,
        Chunk.Status.PENDING.value,
    )


class _Progress:
    """Writes how many pages are read, at most once for so many pages."""

    EVERY = 20

    def __init__(self, run: IndexRun, owner: str) -> None:
        self._run, self._owner, self._written = run, owner, 0

    def __call__(self, progress: Progress) -> None:
        if progress.kind and self._run.document.kind != progress.kind:
            Document.objects.filter(id=self._run.document_id).update(kind=progress.kind)
            self._run.document.kind = progress.kind
        if progress.pages < self._written + self.EVERY:
            return
        changes: dict[str, Any] = {
            "pages_done": Greatest(F("pages_done"), Value(progress.pages)),
            "page_total": progress.page_total,
            "marks": marked(self._run, pages=progress.pages),
        }
        if progress.pages > self._run.pages_done:
            # Further than any delivery before: that is progress, so the count of deliveries starts again.
            changes["deliveries"] = 1
        hold_run(self._run, owner=self._owner, **changes)
        self._written = progress.pages


class _Watch:
    """Whether the run was ended by somebody; asks the database now and then, not with every page."""

    SECONDS = 0.5

    def __init__(self, run: IndexRun) -> None:
        self._run, self._asked = run, time.monotonic()

    def __call__(self) -> bool:
        if time.monotonic() - self._asked < self.SECONDS:
            return False
        self._asked = time.monotonic()
        return not IndexRun.objects.filter(id=self._run.id, finished_at=None, paused_at=None).exists()


def _note_unreadable(document: Document, pages: list[int]) -> None:
    kept = {key: value for key, value in document.metadata.items() if key != "unreadable_pages"}
    changed = {**kept, "unreadable_pages": pages} if pages else kept
    if changed != document.metadata:
        Document.objects.filter(id=document.id).update(metadata=changed)
