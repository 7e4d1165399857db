"""Follows runs and writes annotation hits down once the answer is out, on a thread of its own."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.db import Error

from apps.annotations.services.hits import Hit, record_hit
from apps.annotations.services.reply import REASON
from apps.workflows.engine.events import AnswerReplaced, Event, RunFinished
from apps.workflows.hooks import RunInfo
from support.database import release_connections

logger = logging.getLogger(__name__)

# Its threads are joined when the interpreter ends, so a command that answers and exits loses no hit.
_threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="annotation-hits")


class HitRecorder:
    """Watches one run for an answer from an annotation."""

    def __init__(self, run: RunInfo) -> None:
        self._run = run
        self._hit: Hit | None = None

    def on_event(self, seq: int, event: Event) -> None:
        """Remember the answer when it is given; hand it over at the end of the run."""
        if isinstance(event, AnswerReplaced) and event.reason == REASON:
            self._hit = self._hit_of(event)
        elif isinstance(event, RunFinished) and self._hit is not None:
            _threads.submit(_write, self._hit)

    def _hit_of(self, event: AnswerReplaced) -> Hit:
        run = self._run
        return Hit(
            team_id=run.team_id,
            application_id=run.application_id,
            annotation_id=UUID(event.details["id"]),
            run_id=run.run_id,
            message_id=run.message_id,
            question=run.query,
            annotation_question=event.details["question"],
            annotation_answer=event.text,
            score=event.details["score"],
            source=run.source,
        )


def watch_hits(run: RunInfo) -> HitRecorder | None:
    """The observer of a chat run; nothing else is answered from annotations."""
    return HitRecorder(run) if run.message_id is not None else None


def _write(hit: Hit) -> None:
    try:
        record_hit(hit)
    except Error:
        logger.exception("the annotation hit of run %s could not be recorded", hit.run_id)
    finally:
        release_connections()
