"""The stage between reading and embedding of a dataset of questions: a model writes pairs for each passage.

The passages are parents; their pairs become chunks. A passage that the searchable version has too keeps its pairs, so
that reading a file again asks about what is new in it only. A pair that was written twice is kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.db.models import F, QuerySet

from apps.datasets.models import Chunk, ChunkParent, IndexRun
from apps.datasets.services.edits import Edits, Written
from apps.datasets.services.reading import copy_written
from apps.datasets.services.runs import hold_run
from apps.datasets.settings_of_dataset import settings_of_document
from apps.datasets.text.chunk import Chunk as Passage
from apps.datasets.text.pairs import MAX_PAIRS, Pair, read_pairs
from model_runtime.protocols import ChatModel
from model_runtime.types import Message, ModelParameters
from providers.services import open_chat_model

PASSAGES = 4
"""Passages per batch: each is a call that takes seconds."""
SPACING = MAX_PAIRS + 1
INSTRUCTION = (
    "Write questions that the following text answers, each with its complete answer taken from the text. Use the "
    f"language of the text. Write at most {MAX_PAIRS}, and none that the text does not answer. Reply with a JSON list "
    'of objects with the keys "question" and "answer", and with nothing else.'
)
_KEEP = """
    INSERT INTO datasets_chunk (id, version, team_id, dataset_id, document_id, ordinal, key, text, answer, parent_id,
        origin, page, char_start, char_end, heading_path, terms, term_count, lexemes, is_enabled, status)
    SELECT old.id, %(new)s, old.team_id, old.dataset_id, old.document_id,
        parent.ordinal * %(spacing)s + row_number() OVER (PARTITION BY old.parent_id ORDER BY old.ordinal) - 1,
        old.key, old.text, old.answer, old.parent_id, old.origin, old.page, old.char_start, old.char_end,
        old.heading_path, old.terms, old.term_count, old.lexemes, old.is_enabled, old.status
    FROM datasets_chunk old
    JOIN datasets_chunkparent parent ON parent.id = old.parent_id AND parent.version = %(new)s
        AND parent.document_id = old.document_id
    WHERE old.document_id = %(document)s AND old.version = %(old)s AND old.status = 'ready'
"""


def unasked(run: IndexRun) -> QuerySet[ChunkParent]:
    """The passages that have no pairs yet."""
    return ChunkParent.objects.filter(document_id=run.document_id, version=run.version, is_asked=False).order_by(
        "ordinal"
    )


def keep_answered(run: IndexRun) -> int:
    """Give passages that the searchable version has too the pairs that they have there; returns how many passages."""
    document = run.document
    if not document.runs.filter(version=document.version, space=run.space).exists():
        return 0
    values: dict[str, Any] = {"document": document.id, "old": document.version, "new": run.version, "spacing": SPACING}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
        old = ChunkParent.objects.filter(document=document, version=document.version).values("id")
        return unasked(run).filter(id__in=old).order_by().update(is_asked=True)


def next_passages(run: IndexRun) -> int | None:
    """Hand out the next passages; None when all are. No two callers get the same."""
    while True:
        run.refresh_from_db(fields=["cursor", "stage", "finished_at", "paused_at"])
        if run.finished_at is not None or run.paused_at is not None or run.stage != IndexRun.Stage.ASK:
            return None
        start = unasked(run).filter(ordinal__gte=run.cursor).values_list("ordinal", flat=True).first()
        if start is None:
            return None
        taken = IndexRun.objects.filter(id=run.id, cursor=run.cursor, stage=run.stage, finished_at=None)
        if taken.update(cursor=start + PASSAGES):
            return start


def ask_batch(run: IndexRun, *, start: int) -> None:
    """Have pairs written for the passages from `start` on. Safe to repeat. Raises ModelError and RunEnded."""
    hold_run(run)
    document = run.document
    pairs = settings_of_document(document.dataset.settings, document.settings).chunking.pairs
    model = open_chat_model(pairs.model, team_id=run.team_id)
    for passage in unasked(run).filter(ordinal__gte=start, ordinal__lt=start + PASSAGES):
        _keep(run, passage, async_to_sync(_ask)(model, passage.text))


def begin_embedding(run: IndexRun) -> None:
    """Go on with the chunks once no passage is left; the added ones and the changes of people come in here."""
    with transaction.atomic():
        open_run = IndexRun.objects.select_for_update().filter(id=run.id, finished_at=None, stage=IndexRun.Stage.ASK)
        if not open_run.exists() or unasked(run).exists():
            return
        chunks = Chunk.objects.filter(document_id=run.document_id, version=run.version)
        last = chunks.order_by("-ordinal").values_list("ordinal", flat=True).first()
        edits = Edits(run.document)
        edits.found = set(edits.current().filter(key__in=chunks.values("key")).values_list("id", flat=True))
        copy_written(run, edits.added(first=0), first=0 if last is None else last + 1)
        edits.note_lost(run)
        ready = chunks.filter(status=Chunk.Status.READY).count()
        open_run.update(stage=IndexRun.Stage.EMBED, cursor=0, total=chunks.count(), done=ready, marks=[])


async def _ask(model: ChatModel, text: str) -> list[Pair]:
    messages = [Message(role="system", text=INSTRUCTION), Message(role="user", text=text)]
    reply: list[str] = []
    async with aclosing(model.stream(messages, parameters=ModelParameters(temperature=0.0))) as pieces:
        async for piece in pieces:
            reply.append(piece.text)
    return read_pairs("".join(reply))


@transaction.atomic
def _keep(run: IndexRun, passage: ChunkParent, pairs: Sequence[Pair]) -> None:
    """Write the pairs of a passage; whoever asked about it at the same time and was later writes nothing."""
    hold_run(run)
    if not unasked(run).filter(id=passage.id).order_by().update(is_asked=True):
        return
    here = Chunk.objects.filter(document_id=run.document_id, version=run.version)
    known = set(here.filter(key__in=[pair.key for pair in pairs]).values_list("key", flat=True))
    fresh = [_as_chunk(passage, pair) for pair in pairs if pair.key not in known]
    written = [_under(each, passage.id) for each in Edits(run.document).apply(fresh)]
    copy_written(run, written, first=passage.ordinal * SPACING)
    hold_run(run, done=F("done") + 1, deliveries=0, retries=0, waiting=None)


def _as_chunk(passage: ChunkParent, pair: Pair) -> Passage:
    return Passage(
        ordinal=0,
        text=pair.question,
        answer=pair.answer,
        page=passage.page,
        char_start=passage.char_start,
        char_end=passage.char_end,
        heading_path=tuple(passage.heading_path),
        key=pair.key,
    )


def _under(written: Written, parent: UUID) -> Written:
    return Written(
        id=written.id,
        passage=written.passage,
        text=written.text,
        answer=written.answer,
        is_enabled=written.is_enabled,
        origin=written.origin,
        parent_id=parent,
    )
