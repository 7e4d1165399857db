"""The first stage of a run: a child process reads the file, and its pages and chunks are written as they come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

import orjson
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Greatest

from apps.datasets.models import Chunk, Document, IndexRun
from apps.datasets.services.blobs import blob_path
from apps.datasets.services.runs import RunEnded, hold_run, remove_version
from apps.datasets.text.analyze import term_counts, tsvector_literal
from apps.datasets.text.child import Progress, extract_in_child
from apps.datasets.text.chunk import Chunk as Passage
from apps.datasets.text.chunk import ChunkSettings, chunk_sections
from apps.datasets.text.errors import Cancelled, Damaged, EmptyDocument, TooLarge
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Page, Section, page_texts

FLUSH = 256
"""Chunks written at once: also what a worker holds in memory."""
MAX_CHUNKS = 200_000
LIMITS = Limits(wall_seconds=300.0)

_CHUNKS = """
    COPY datasets_chunk (id, version, team_id, dataset_id, document_id, ordinal, key, text, page, char_start,
        char_end, heading_path, terms, term_count, lexemes, is_enabled, status) FROM STDIN
"""
_PAGES = "COPY datasets_documentpage (document_id, version, team_id, number, text) FROM STDIN"


@dataclass(slots=True)
class _PageRecorder:
    """Lets sections through and keeps the text of each page that is complete."""

    complete: list[Page] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    _current: list[Section] = field(default_factory=list)

    def through(self, sections: Iterable[Section]) -> Iterator[Section]:
        for section in sections:
            if self._current and section.page != self._current[0].page:
                self._close()
            self._current.append(section)
            if section.unreadable and section.page is not None:
                self.unreadable.append(section.page)
            yield section
        self._close()

    def take(self) -> list[Page]:
        """The pages that became complete since the last call."""
        taken, self.complete = self.complete, []
        return taken

    def _close(self) -> None:
        self.complete.extend(page_texts(self._current))
        self._current = []


def read_document(run: IndexRun, *, owner: str, settings: ChunkSettings) -> int:
    """Read the run's file into chunks; returns how many. Raises ExtractionError or RunEnded."""
    document = run.document
    with transaction.atomic():
        hold_run(run, owner=owner)
        # What an earlier delivery wrote; nothing of it is searchable, and the same comes again.
        remove_version(document, version=run.version)
    recorder = _PageRecorder()
    sections = extract_in_child(
        _content(run), document.name, limits=LIMITS, cancelled=_Watch(run), on_progress=_Progress(run, owner)
    )
    passages = chunk_sections(recorder.through(sections), settings=settings)
    total = 0
    try:
        while batch := list(islice(passages, FLUSH)):
            total += len(batch)
            if total > MAX_CHUNKS:
                raise TooLarge(what="chunks", limit=MAX_CHUNKS)
            _write(run, owner=owner, passages=batch, pages=recorder.take())
    except Cancelled as exc:
        raise RunEnded from exc
    if total == 0:
        raise EmptyDocument
    _write(run, owner=owner, passages=[], pages=recorder.take())
    _note_unreadable(document, recorder.unreadable)
    return total


def keep_unchanged(run: IndexRun) -> int:
    """Mark the chunks ready that the searchable version has too, in the same space: their vectors are there."""
    document = run.document
    if not document.runs.filter(version=document.version, space=run.space, vector_store=run.vector_store).exists():
        return 0
    same = Chunk.objects.filter(id=OuterRef("id"), version=document.version, status=Chunk.Status.READY)
    fresh = Chunk.objects.filter(document=document, version=run.version, status=Chunk.Status.PENDING)
    return fresh.filter(Exists(same)).update(status=Chunk.Status.READY)


def chunk_id(document: Document, key: str) -> UUID:
    """The same for the same passage of the same document, in whichever version or attempt."""
    return uuid5(document.dataset_id, f"{document.id}:{key}")


def _content(run: IndexRun) -> Any:
    path = blob_path(run.blob)
    if not path.is_file():
        raise Damaged(kind="document", reason="its stored file is missing")
    return path


def _write(run: IndexRun, *, owner: str, passages: list[Passage], pages: list[Page]) -> None:
    """Write a batch while holding the run, so that a cancelled run gets no more rows."""
    document = run.document
    with transaction.atomic(), connection.cursor() as cursor:
        hold_run(run, owner=owner)
        with cursor.copy(_PAGES) as copy:
            for page in pages:
                copy.write_row((document.id, run.version, run.team_id, page.number or 0, page.text))
        with cursor.copy(_CHUNKS) as copy:
            for passage in passages:
                copy.write_row(_row(run, passage))


def _row(run: IndexRun, passage: Passage) -> tuple[Any, ...]:
    document = run.document
    terms = term_counts(passage.search_text)
    return (
        chunk_id(document, passage.key),
        run.version,
        run.team_id,
        document.dataset_id,
        document.id,
        passage.ordinal,
        passage.key,
        passage.text,
        passage.page,
        passage.char_start,
        passage.char_end,
        orjson.dumps(passage.heading_path).decode(),
        orjson.dumps(terms).decode(),
        sum(terms.values()),
        tsvector_literal(terms),
        True,
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
        changes: dict[str, Any] = {"pages_done": Greatest(F("pages_done"), Value(progress.pages))}
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
        return not IndexRun.objects.filter(id=self._run.id, finished_at=None).exists()


def _note_unreadable(document: Document, pages: list[int]) -> None:
    kept = {key: value for key, value in document.metadata.items() if key != "unreadable_pages"}
    changed = {**kept, "unreadable_pages": pages} if pages else kept
    if changed != document.metadata:
        Document.objects.filter(id=document.id).update(metadata=changed)
