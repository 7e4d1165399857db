"""The second stage of a run: batches of chunks get their vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import F, QuerySet

from apps.datasets.models import Chunk, IndexRun
from apps.datasets.services.runs import RunEnded, forget_vectors, hold_run
from apps.datasets.services.spaces import Place
from apps.datasets.services.spaces_writing import check_place, write_records
from apps.datasets.text.chunk import Chunk as Passage
from apps.datasets.vectorstores.protocol import Record
from model_runtime.errors import BadModelRequest, ContextTooLong
from model_runtime.protocols import EmbeddingModel

BATCH = 256
"""Chunks per task: small enough for the time limit, large enough for a hundred pages in a few."""
CALL = 64
"""Texts per call to the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Embedded:
    chunk: Chunk
    vector: Sequence[float] | None
    """None when the model refuses even this text alone, or finds nothing in it."""


def pending_chunks(run: IndexRun) -> QuerySet[Chunk]:
    """What has no vector yet."""
    return Chunk.objects.filter(document_id=run.document_id, version=run.version, status=Chunk.Status.PENDING).order_by(
        "ordinal"
    )


def embed_batch(run: IndexRun, *, start: int, model: EmbeddingModel) -> None:
    """Embed the pending chunks of the batch that begins at `start`. Safe to repeat, also at the same time.

    Short texts go together with short ones: a provider pads each call to its longest. Every call's vectors are kept
    at once, so a crash costs one call.
    """
    hold_run(run)
    batch = pending_chunks(run).filter(ordinal__gte=start, ordinal__lt=start + BATCH).defer("terms", "lexemes")
    chunks = sorted(batch, key=lambda chunk: len(chunk.text))
    for first in range(0, len(chunks), CALL):
        _store(run, async_to_sync(_embed_some)(model, chunks[first : first + CALL]))


def next_batch(run: IndexRun) -> int | None:
    """Hand out the next batch; None when all are handed out. No two callers get the same one."""
    while True:
        run.refresh_from_db(fields=["cursor", "total", "finished_at"])
        if run.finished_at is not None or run.cursor >= run.total:
            return None
        taken = IndexRun.objects.filter(id=run.id, cursor=run.cursor, finished_at=None)
        if taken.update(cursor=run.cursor + BATCH):
            return run.cursor


def _store(run: IndexRun, embedded: Sequence[_Embedded]) -> None:
    """First the vectors, then the rows that make them visible: a crash in between costs a repetition."""
    records = [
        Record(id=each.chunk.id, document_id=run.document_id, vector=each.vector)
        for each in embedded
        if each.vector is not None
    ]
    places = write_records(run, records, embed_for=lambda model: _records(run, embedded, model))
    try:
        _mark_ready(run, embedded, places)
    except RunEnded:
        # Cancelled meanwhile: nothing will ever ask for these.
        needed = set(Chunk.objects.filter(document_id=run.document_id).values_list("id", flat=True))
        forget_vectors(run.document, run, [record.id for record in records if record.id not in needed])
        raise


@transaction.atomic
def _mark_ready(run: IndexRun, embedded: Sequence[_Embedded], places: Collection[Place]) -> None:
    """The count goes up by the rows that this call changed, so it is exact however often a message is delivered."""
    hold_run(run)
    check_place(run, places)
    ids = [each.chunk.id for each in embedded]
    changed = pending_chunks(run).filter(id__in=ids).order_by().update(status=Chunk.Status.READY)
    if changed:
        skipped = sum(each.vector is None for each in embedded) if changed == len(ids) else 0
        hold_run(run, done=F("done") + changed, without_vector=F("without_vector") + skipped, deliveries=0)


def _records(run: IndexRun, embedded: Sequence[_Embedded], model: EmbeddingModel) -> list[Record]:
    """The same chunks in the space of another model."""
    again = async_to_sync(_embed_some)(model, [each.chunk for each in embedded])
    return [
        Record(id=each.chunk.id, document_id=run.document_id, vector=each.vector)
        for each in again
        if each.vector is not None
    ]


async def _embed_some(model: EmbeddingModel, chunks: Sequence[Chunk]) -> list[_Embedded]:
    """Embed; when the model finds the request too large, halve it down to the text that is to blame."""
    try:
        vectors = await model.embed([search_text(chunk) for chunk in chunks])
    except (BadModelRequest, ContextTooLong):
        if len(chunks) == 1:
            return [_Embedded(chunk=chunks[0], vector=None)]
        middle = len(chunks) // 2
        return await _embed_some(model, chunks[:middle]) + await _embed_some(model, chunks[middle:])
    return [
        _Embedded(chunk=chunk, vector=vector if any(vector) else None)
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]


def search_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: its text under its headings, as it was analysed."""
    passage = Passage(
        ordinal=chunk.ordinal,
        text=chunk.text,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        heading_path=tuple(chunk.heading_path),
        key=chunk.key,
    )
    return passage.search_text
