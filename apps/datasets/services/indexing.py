"""Indexing from end to end: what a task does with a run, and what has to be done next.

    index_run    reads the file (or, after a crash, finds out how far it had come) and hands out the first batches
    embed_next   embeds one batch and hands out the next one; the last makes the version searchable
    index_now    the same in this process, for the shell

Nothing here enqueues: a step returns the batches that come next.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded

from apps.datasets.models import Dataset, Document, IndexRun
from apps.datasets.services.embedding import embed_batch, next_batch, pending_chunks
from apps.datasets.services.errors import EmbeddingSpaceChanged
from apps.datasets.services.reading import keep_unchanged, read_document
from apps.datasets.services.runs import (
    MAX_DELIVERIES,
    Reason,
    RunEnded,
    claim_run,
    fail_run,
    hold_run,
    note_redelivery,
    release_run,
)
from apps.datasets.services.spaces_writing import choose_place
from apps.datasets.services.switching import count_ready, switch_version
from apps.datasets.text.analyze import ANALYZER_VERSION
from apps.datasets.text.chunk import ChunkSettings
from apps.datasets.text.errors import ExtractionError, ExtractionTimeout
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Batches of one run in the queue at a time, so that a long document does not keep the others waiting."""
MAX_RETRIES = 8
LONGEST_WAIT = 60.0
OUR_FAULT = Reason(
    code="internal_error",
    message="Something went wrong on our side while indexing. Try again; if it happens again, an administrator finds "
    "the cause in the worker's log.",
    params={},
)


def index_run(run_id: UUID, *, owner: str) -> list[int]:
    """Take a run as far as its batches; returns the starts of those that may begin now."""
    run = claim_run(run_id, owner=owner)
    if run is None:
        return []
    if run.deliveries > MAX_DELIVERIES:
        _give_up(run)
        return []
    try:
        if run.stage == IndexRun.Stage.READ:
            _read(run, owner=owner)
        return _hand_out(run, owner=owner)
    except RunEnded:
        return []
    except ExtractionError as exc:
        fail_run(run.id, Reason(code=exc.code, message=exc.message, params=dict(exc.params)))
    except SoftTimeLimitExceeded:
        late = ExtractionTimeout(seconds=300)
        fail_run(run.id, Reason(code=late.code, message=late.message, params=dict(late.params)))
    except ConsoleError as exc:
        if is_retryable(exc):
            raise
        fail_run(run.id, Reason.of(exc))
    return []


def embed_next(run_id: UUID, start: int, *, redelivered: bool = False) -> list[int]:
    """Embed one batch; returns the start of the next. Raises only what is worth another try."""
    run = IndexRun.objects.select_related("document__dataset").filter(id=run_id, finished_at=None).first()
    if run is None or run.stage != IndexRun.Stage.EMBED:
        return []
    if redelivered:
        note_redelivery(run.id)
        if run.deliveries + 1 > MAX_DELIVERIES:
            _give_up(run)
            return []
    try:
        embed_batch(run, start=start, model=_model(run.document.dataset, expected=run.space))
    except RunEnded:
        return []
    except ConsoleError as exc:
        if is_retryable(exc):
            raise
        fail_run(run.id, Reason.of(exc))
        return []
    following = next_batch(run)
    if following is not None:
        return [following]
    switch_version(run.id)
    return []


def index_now(run_id: UUID) -> None:
    """Carry a run to its end in this process."""
    owner = f"shell-{time.monotonic_ns()}"
    starts = _patiently(run_id, partial(index_run, run_id, owner=owner))
    while starts:
        start = starts.pop()
        starts += _patiently(run_id, partial(embed_next, run_id, start))


def is_retryable(error: ConsoleError) -> bool:
    """Whether the same may succeed a little later: a busy provider, a store that restarts."""
    return bool(getattr(error, "retryable", False))


def seconds_to_wait(error: ConsoleError, *, attempt: int) -> float:
    """What the provider asks for, else a growing, scattered pause."""
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return min(LONGEST_WAIT, float(asked)) + random.uniform(0, 1)  # noqa: S311  not a secret
    return random.uniform(1, min(LONGEST_WAIT, 2.0 ** (attempt + 1)))  # noqa: S311


def _read(run: IndexRun, *, owner: str) -> None:
    """The first stage, and the step to the second."""
    dataset = run.document.dataset
    model = _model(dataset)
    settings = chunk_settings(dataset, model)
    _show(run, Document.Status.EXTRACTING)
    run.space, run.dim = model.space, model.dim
    choose_place(run, owner=owner, config_hash=_config_hash(settings, model))
    total = read_document(run, owner=owner, settings=settings)
    _show(run, Document.Status.CHUNKING)
    kept = keep_unchanged(run)
    hold_run(run, owner=owner, stage=IndexRun.Stage.EMBED, total=total, done=kept, deliveries=0)
    run.stage, run.total = IndexRun.Stage.EMBED, total


def _hand_out(run: IndexRun, *, owner: str) -> list[int]:
    """Begin the second stage, or begin it again: from the first chunk that has no vector."""
    _show(run, Document.Status.EMBEDDING)
    first = pending_chunks(run).values_list("ordinal", flat=True).first()
    cursor = run.total if first is None else first
    release_run(run, owner=owner, cursor=cursor, done=count_ready(run))
    if first is None:
        switch_version(run.id)
        return []
    starts = [next_batch(run) for _ in range(AT_ONCE)]
    return [start for start in starts if start is not None]


def _model(dataset: Dataset, *, expected: str = "") -> EmbeddingModel:
    """The dataset's embedding model; it must still make vectors of the space that the dataset is in."""
    model = open_embedding_model(dataset.embedding_model, team_id=dataset.team_id)
    stored = expected or dataset.space
    if stored and stored != model.space and (expected or dataset.chunk_count):
        raise EmbeddingSpaceChanged(dataset=dataset.slug, stored=stored, current=model.space)
    return model


def chunk_settings(dataset: Dataset, model: EmbeddingModel) -> ChunkSettings:
    """How the dataset's documents are cut: never longer than the model reads whole."""
    chosen = dataset.settings.get("chunk", {})
    return ChunkSettings(
        target_chars=int(chosen.get("target_chars", 500)),
        overlap=int(chosen.get("overlap", 0)),
        max_tokens=min(512, model.max_tokens),
    )


def _config_hash(settings: ChunkSettings, model: EmbeddingModel) -> str:
    text = f"{settings.fingerprint}|{ANALYZER_VERSION}|{model.space}"
    return hashlib.sha256(text.encode()).hexdigest()


def _show(run: IndexRun, status: str) -> None:
    Document.objects.filter(id=run.document_id, runs__id=run.id, runs__finished_at=None).update(status=status)


def _give_up(run: IndexRun) -> None:
    reason = Reason(
        code="gave_up",
        message=f"Indexing stopped without an answer {MAX_DELIVERIES} times in a row. The file may need more "
        "memory than a worker has: split it, or ask an administrator to look at the worker's log.",
        params={"times": MAX_DELIVERIES},
    )
    fail_run(run.id, reason)


def _patiently(run_id: UUID, step: Callable[[], list[int]]) -> list[int]:
    for attempt in range(MAX_RETRIES):
        try:
            return step()
        except ConsoleError as exc:
            if attempt + 1 == MAX_RETRIES:
                fail_run(run_id, Reason.of(exc))
                return []
            time.sleep(seconds_to_wait(exc, attempt=attempt))
    return []
