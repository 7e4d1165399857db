"""The second stage of a run: batches of chunks get their vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, QuerySet

from apps.datasets.models import Chunk, IndexRun
from apps.datasets.services.calling import vectors_for
from apps.datasets.services.progress import marked
from apps.datasets.services.runs import RunEnded, forget_vectors, hold_run
from apps.datasets.services.spaces import Place
from apps.datasets.services.spaces_writing import check_place, write_records
from apps.datasets.text.chunk import text_with_headings
from apps.datasets.vectorstores.protocol import Record
from model_runtime.protocols import EmbeddingModel

BATCH = 256
"""Chunks per task: small enough for the time limit, large enough for a hundred pages in a few."""
KEEP = 64
"""Chunks whose vectors are kept together: what a crash costs."""


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

    Short texts go together with short ones: a provider pads each call to its longest. Vectors are kept after every
    call, so a crash costs one call.
    """
    hold_run(run)
    batch = pending_chunks(run).filter(ordinal__gte=start, ordinal__lt=start + BATCH).defer("terms", "lexemes")
    chunks = sorted(batch, key=lambda chunk: len(chunk.text))
    for first in range(0, len(chunks), KEEP):
        some = chunks[first : first + KEEP]
        found = vectors_for([search_text(chunk) for chunk in some], model=model, team_id=run.team_id)
        _store(run, _together(some, found.vectors), called=found.called)


def next_batch(run: IndexRun) -> int | None:
    """Hand out the next batch that has something to do; None when all are. No two callers get the same one."""
    while True:
        run.refresh_from_db(fields=["cursor", "total", "finished_at", "paused_at"])
        if run.finished_at is not None or run.paused_at is not None:
            return None
        start = pending_chunks(run).filter(ordinal__gte=run.cursor).values_list("ordinal", flat=True).first()
        if start is None:
            return None
        taken = IndexRun.objects.filter(id=run.id, cursor=run.cursor, finished_at=None, paused_at=None)
        if taken.update(cursor=start + BATCH):
            return start


def is_embedded(run: IndexRun) -> bool:
    """Whether nothing of the run is pending.

    The chunks that were not handed out yet are asked first: while there are any, those that are ready need not be
    walked through, which in a file of a million chunks would take longer with every batch.
    """
    run.refresh_from_db(fields=["cursor"])
    ahead = pending_chunks(run).filter(ordinal__gte=run.cursor).values_list("ordinal", flat=True).first()
    return ahead is None and not pending_chunks(run).exists()


def _together(chunks: Sequence[Chunk], vectors: Sequence[Sequence[float] | None]) -> list[_Embedded]:
    return [_Embedded(chunk=chunk, vector=vector) for chunk, vector in zip(chunks, vectors, strict=True)]


def _store(run: IndexRun, embedded: Sequence[_Embedded], *, called: int) -> None:
    """First the vectors, then the rows that make them visible: a crash in between costs a repetition."""
    records = [
        Record(id=each.chunk.id, document_id=run.document_id, vector=each.vector)
        for each in embedded
        if each.vector is not None
    ]
    places = write_records(run, records, embed_for=lambda model: _records(run, embedded, model))
    try:
        _mark_ready(run, embedded, places, called=called)
    except RunEnded:
        # Cancelled meanwhile: nothing will ever ask for these.
        needed = set(Chunk.objects.filter(document_id=run.document_id).values_list("id", flat=True))
        forget_vectors(run.document, run, [record.id for record in records if record.id not in needed])
        raise


@transaction.atomic
def _mark_ready(run: IndexRun, embedded: Sequence[_Embedded], places: Collection[Place], *, called: int) -> None:
    """The count goes up by the rows that this call changed, so it is exact however often a message is delivered."""
    hold_run(run)
    check_place(run, places)
    ids = [each.chunk.id for each in embedded]
    changed = pending_chunks(run).filter(id__in=ids).order_by().update(status=Chunk.Status.READY)
    if changed:
        skipped = sum(each.vector is None for each in embedded) if changed == len(ids) else 0
        hold_run(
            run,
            done=F("done") + changed,
            embedded=F("embedded") + called,
            without_vector=F("without_vector") + skipped,
            marks=marked(run, chunks=run.done + changed),
            deliveries=0,
            retries=0,
            waiting=None,
        )
        run.done += changed


def _records(run: IndexRun, embedded: Sequence[_Embedded], model: EmbeddingModel) -> list[Record]:
    """The same chunks in the space of another model."""
    chunks = [each.chunk for each in embedded]
    again = vectors_for([search_text(chunk) for chunk in chunks], model=model, team_id=run.team_id)
    return [
        Record(id=chunk.id, document_id=run.document_id, vector=vector)
        for chunk, vector in zip(chunks, again.vectors, strict=True)
        if vector is not None
    ]


def search_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: its text under its headings, or a question alone."""
    return chunk.text if chunk.answer else text_with_headings(chunk.text, chunk.heading_path)
