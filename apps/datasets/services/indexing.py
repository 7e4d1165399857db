"""Indexing from end to end: what a task does with a run, and what has to be done next.

    work         what a message to a worker does: one piece of whichever run has its turn
    index_run    reads the file (or, after a crash, finds out how far it had come) and hands out the first batches
    embed_next   embeds one batch and hands out the next one; the last makes the version searchable
    index_now    the same in this process, for the shell

Nothing here enqueues: a step returns what comes next.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error, InterfaceError, OperationalError

from apps.datasets.models import Dataset, Document, IndexRun
from apps.datasets.services.asking import ask_batch, begin_embedding, keep_answered, next_passages, unasked
from apps.datasets.services.calling import Throttled
from apps.datasets.services.cutting import config_hash, cutting_for
from apps.datasets.services.embedding import BATCH, embed_batch, is_embedded, next_batch, pending_chunks
from apps.datasets.services.errors import EmbeddingSpaceChanged
from apps.datasets.services.heartbeat import kept_alive
from apps.datasets.services.reading import keep_unchanged, read_document
from apps.datasets.services.runs import (
    MAX_DELIVERIES,
    Reason,
    RunEnded,
    claim_run,
    fail_run,
    hold_run,
    release_run,
    wait_with_run,
)
from apps.datasets.services.scheduling import Work, has_work, next_work
from apps.datasets.services.spaces_writing import choose_place
from apps.datasets.services.switching import count_ready, switch_version
from apps.datasets.settings_of_dataset import settings_of_document
from apps.datasets.text.errors import ExtractionError, ExtractionTimeout
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Batches of one run that may be worked on at a time, while there are few other runs."""
MAX_RETRIES = 8
SOON = 0.2
"""Seconds after which a pause that ended is noticed."""
LONGEST_WAIT = 60.0
OUR_FAULT = Reason(
    code="internal_error",
    message="Something went wrong on our side while indexing. Try again; if it happens again, an administrator finds "
    "the cause in the worker's log.",
    params={},
)


class DatabaseLost(Exception):
    """The database went away during a piece of work; the run may be gone on with under the same owner."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"the database went away while run {run_id} was worked on")
        self.run_id = run_id


def work(run_id: UUID | None = None, *, owner: str) -> tuple[int, float]:
    """Do one piece of work, of this run or of whichever has its turn.

    Returns how many calls to workers to send now, and in how many seconds one for this run (0: none). Raises
    DatabaseLost.
    """
    piece = Work(run_id=run_id, has_batches=False) if run_id else next_work()
    if piece is None:
        return 0, 0.0
    start: int | None = None
    wait = 0.0
    try:
        with kept_alive(piece.run_id, owner=owner):
            if piece.has_batches:
                start = _next(piece.run_id)
                if start is not None:
                    _embed(piece.run_id, start)
            elif _begin(piece.run_id, owner=owner):
                return _calls_for(piece.run_id), 0.0
    except ConsoleError as exc:
        wait = _later(piece.run_id, exc, start=start)
    except SoftTimeLimitExceeded as exc:
        # What was embedded is kept; the rest goes on in another task.
        wait = _later(piece.run_id, Throttled(seconds=1), start=start) if start is not None else 0.0
        logger.warning("indexing run %s: a batch took too long (%s)", piece.run_id, exc)
    except (OperationalError, InterfaceError) as exc:
        raise DatabaseLost(piece.run_id) from exc
    except Error:
        raise  # the lease ends by itself, and the sweep starts again
    except Exception:  # the border of indexing: no document is left without a reason
        logger.exception("indexing run %s failed", piece.run_id)
        fail_run(piece.run_id, OUR_FAULT)
    return int(has_work()), wait


def index_run(run_id: UUID, *, owner: str) -> list[int]:
    """Take a run as far as its batches; returns the starts of those that may begin now."""
    if not _begin(run_id, owner=owner):
        return []
    starts = [_next(run_id) for _ in range(AT_ONCE)]
    return [start for start in starts if start is not None]


def embed_next(run_id: UUID, start: int) -> list[int]:
    """Embed one batch; returns the start of the next. Raises only what is worth another try."""
    _embed(run_id, start)
    following = _next(run_id)
    return [] if following is None else [following]


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


def _begin(run_id: UUID, *, owner: str) -> bool:
    """Claim a run and bring it to its batches; False when there are none, or somebody else has it."""
    run = claim_run(run_id, owner=owner)
    if run is None:
        return False
    if run.deliveries > MAX_DELIVERIES:
        _give_up(run)
        return False
    try:
        if run.stage == IndexRun.Stage.READ:
            _read(run, owner=owner)
        return _hand_out(run, owner=owner)
    except RunEnded:
        return False
    except ExtractionError as exc:
        fail_run(run.id, Reason(code=exc.code, message=exc.message, params=dict(exc.params)))
    except SoftTimeLimitExceeded:
        late = ExtractionTimeout(seconds=300)
        fail_run(run.id, Reason(code=late.code, message=late.message, params=dict(late.params)))
    except ConsoleError as exc:
        if is_retryable(exc):
            raise
        fail_run(run.id, Reason.of(exc))
    return False


def _next(run_id: UUID) -> int | None:
    run = IndexRun.objects.filter(id=run_id, finished_at=None).first()
    if run is None:
        return None
    return next_passages(run) if run.stage == IndexRun.Stage.ASK else next_batch(run)


def _embed(run_id: UUID, start: int) -> None:
    """Do one batch; the last one ends the stage."""
    run = IndexRun.objects.select_related("document__dataset").filter(id=run_id, finished_at=None).first()
    if run is None or run.stage == IndexRun.Stage.READ:
        return
    try:
        if run.stage == IndexRun.Stage.ASK:
            ask_batch(run, start=start)
            begin_embedding(run)
            return
        embed_batch(run, start=start, model=_model(run.document.dataset, expected=run.space))
    except RunEnded:
        return
    except ConsoleError as exc:
        if is_retryable(exc):
            raise
        fail_run(run.id, Reason.of(exc))
        return
    if is_embedded(run):
        switch_version(run.id)


def _read(run: IndexRun, *, owner: str) -> None:
    """The first stage, and the step to the second."""
    dataset = run.document.dataset
    model = _model(dataset)
    settings = settings_of_document(dataset.settings, run.document.settings)
    cutting = cutting_for(settings, model)
    _show(run, Document.Status.EXTRACTING)
    run.space, run.dim = model.space, model.dim
    choose_place(run, owner=owner, config_hash=config_hash(settings, model))
    total = read_document(run, owner=owner, cutting=cutting)
    _show(run, Document.Status.CHUNKING)
    if cutting.asks_model(run.document.kind):
        run.stage, kept = IndexRun.Stage.ASK, keep_answered(run)
    else:
        run.stage, kept = IndexRun.Stage.EMBED, keep_unchanged(run)
    hold_run(run, owner=owner, stage=run.stage, total=total, done=kept, deliveries=0, retries=0)
    run.total = total


def _hand_out(run: IndexRun, *, owner: str) -> bool:
    """Begin the second stage, or begin it again: from the first chunk that has no vector."""
    _show(run, Document.Status.EMBEDDING)
    if run.stage == IndexRun.Stage.ASK:
        first = unasked(run).values_list("ordinal", flat=True).first()
        release_run(run, owner=owner, cursor=first or 0)
        if first is None:
            begin_embedding(run)
        return True
    first = pending_chunks(run).values_list("ordinal", flat=True).first()
    release_run(run, owner=owner, cursor=run.total if first is None else first, done=count_ready(run))
    if first is None:
        switch_version(run.id)
    return first is not None


def _calls_for(run_id: UUID) -> int:
    """One call, or several for a long document while hardly anything else is going on."""
    open_runs = IndexRun.objects.filter(finished_at=None, paused_at=None)[: 2 * AT_ONCE].count()
    if open_runs >= 2 * AT_ONCE:
        return 1
    run = IndexRun.objects.filter(id=run_id).first()
    return max(1, min(AT_ONCE, -(-(run.total - run.done) // BATCH))) if run else 1


def _later(run_id: UUID, error: ConsoleError, *, start: int | None) -> float:
    """Let a run wait for a provider or store; end it when that was in vain too often. Returns the seconds."""
    run = IndexRun.objects.filter(id=run_id, finished_at=None).first()
    if run is None:
        return 0.0
    counts = not isinstance(error, Throttled)
    if counts and run.retries >= MAX_RETRIES:
        fail_run(run_id, Reason.of(error))
        return 0.0
    seconds = seconds_to_wait(error, attempt=run.retries)
    wait_with_run(run_id, seconds=seconds, error=error, start=start, counts=counts)
    return seconds + SOON


def _model(dataset: Dataset, *, expected: str = "") -> EmbeddingModel:
    """The dataset's embedding model; it must still make vectors of the space that the dataset is in."""
    model = open_embedding_model(dataset.embedding_model, team_id=dataset.team_id)
    stored = expected or dataset.space
    if stored and stored != model.space and (expected or dataset.chunk_count):
        raise EmbeddingSpaceChanged(dataset=dataset.slug, stored=stored, current=model.space)
    return model


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
