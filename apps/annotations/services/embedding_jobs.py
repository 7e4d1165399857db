"""The jobs that embed an app's answers: batch by batch beside those that are searched, and then all at once in use."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.models import Annotation, ReplyJob, ReplySetting
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.selectors.reply import KINDS, SLOTS, elsewhere
from apps.annotations.services.indexing import Store, index_store
from apps.annotations.services.moving import TASK
from model_runtime.errors import ModelError
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.jobs import enqueue

logger = logging.getLogger(__name__)

BATCH = 256
#: Questions that are on their way to a provider at once.
AT_ONCE = 8
#: One job works for so long and then hands on, so that it never meets the time limit of jobs.
TURN = dt.timedelta(seconds=100)
#: Not heard of for so long, a job's worker is taken for dead.
SILENCE = dt.timedelta(minutes=12)
MOST_FAILURES = 8
#: What a store has in the slot that is not searched is kept so long: runs that have begun may still look there.
KEPT = dt.timedelta(minutes=15)


class _Overtaken(Exception):
    """Somebody stopped the job, or another worker went on with it."""


def embed_answers(job_id: UUID) -> bool:
    """Work for one turn. True: there is more to do. Safe to repeat; a job that is over is left alone."""
    job = ReplyJob.objects.filter(id=job_id, status__in=GOING).first()
    if job is None:
        return False
    until = timezone.now() + TURN
    job.status = Job.RUNNING
    try:
        model = open_embedding_model(job.model, team_id=job.team_id)
        slot = _slot_for(job, model.space)
        while _embed_batch(job, model, slot=slot):
            if timezone.now() >= until:
                return True
        return not _turn_to(job, model.space, slot=slot)
    except (ModelError, TimeoutError) as exc:
        _put_off(job, exc)
    except _Overtaken:
        pass
    return False


def go_on_with_embedding() -> int:
    """Queue the jobs that no worker has touched for a while; how many."""
    silent = ReplyJob.objects.filter(status__in=GOING, beat_at__lt=timezone.now() - SILENCE)
    ids = list(silent.values_list("id", flat=True)[:100])
    for job_id in ids:
        enqueue(TASK, str(job_id))
    return len(ids)


def forget_old_vectors() -> int:
    """Empty the slots that are searched no more; how many rows."""
    forgotten = 0
    before = timezone.now() - KEPT
    for setting in ReplySetting.objects.filter(turned_at__lt=before):
        if ReplyJob.objects.filter(application_id=setting.application_id, status__in=GOING).exists():
            continue
        space, vector = SLOTS[1 - setting.slot]
        for kind in KINDS:
            rows = kind._default_manager.filter(application_id=setting.application_id)
            while ids := list(rows.filter(~Q(**{space: ""})).values_list("id", flat=True)[:2_000]):
                forgotten += rows.filter(id__in=ids).update(**{space: "", vector: None})
        ReplySetting.objects.filter(id=setting.id, turned_at=setting.turned_at).update(turned_at=None)
    return forgotten


def _slot_for(job: ReplyJob, space: str) -> int:
    """Where the vectors are made: beside those that are searched, or among them if they are of the same space."""
    setting = ReplySetting.objects.get(application_id=job.application_id)
    slot = setting.slot if _is_searched(setting, job, space) else 1 - setting.slot
    if job.space != space:
        job.space = space
        job.total = sum(elsewhere(kind, job.application_id, space=space, slot=slot).count() for kind in KINDS)
        job.done = 0
        ReplyJob.objects.filter(id=job.id).update(space=space, total=job.total, done=0)
    return slot


def _is_searched(setting: ReplySetting, job: ReplyJob, space: str) -> bool:
    if setting.space:
        return setting.space == space
    # Nobody has written it down yet: answers made before the setting was, or none at all.
    stored = Annotation.objects.filter(application_id=job.application_id).exclude(embedding_space="")
    return not stored.exclude(embedding_space=space).exists()


def _embed_batch(job: ReplyJob, model: EmbeddingModel, *, slot: int) -> bool:
    """Embed some rows; False when there are none left."""
    space, vector = SLOTS[slot]
    for kind in KINDS:
        rows = kind._default_manager.filter(application_id=job.application_id)
        left = elsewhere(kind, job.application_id, space=model.space, slot=slot).order_by("id")
        batch: list[Any] = list(left.only("id", "question")[:BATCH])
        if not batch:
            continue
        vectors = async_to_sync(_embed_queries)(model, [row.question for row in batch])
        with transaction.atomic():
            for row, found in zip(batch, vectors, strict=True):
                # Only while the question is still the one that was embedded.
                rows.filter(id=row.id, question=row.question).update(
                    **{vector: found, space: model.space, "embedding_model": job.model}
                )
            job.done += len(batch)
            _beat(job)
        return True
    return False


async def _embed_queries(model: EmbeddingModel, questions: Sequence[str]) -> list[list[float]]:
    """Questions are compared with questions, so they are all embedded as such."""
    places = asyncio.Semaphore(AT_ONCE)

    async def embed(question: str) -> list[float]:
        async with places:
            return await model.embed_query(question)

    return list(await asyncio.gather(*(embed(question) for question in questions)))


def _turn_to(job: ReplyJob, space: str, *, slot: int) -> bool:
    """Have the new vectors searched from the next question on, with an index if there are many. False: rows came."""
    for kind in KINDS:
        index_store(Store(application_id=job.application_id, space=space, slot=slot, table=kind._meta.db_table))
    with transaction.atomic():
        setting = ReplySetting.objects.select_for_update().get(application_id=job.application_id)
        if any(elsewhere(kind, job.application_id, space=space, slot=slot).exists() for kind in KINDS):
            return False
        now = timezone.now()
        if setting.slot != slot:
            setting.turned_at = now
        setting.model, setting.space, setting.slot = job.model, space, slot
        setting.save(update_fields=["model", "space", "slot", "turned_at"])
        job.total = max(job.total, job.done)
        over = ReplyJob.objects.filter(id=job.id, status__in=GOING)
        if not over.update(status=Job.DONE, finished_at=now, error="", done=job.done, total=job.total):
            raise _Overtaken
    return True


def _beat(job: ReplyJob) -> None:
    before, job.beat_at = job.beat_at, timezone.now()
    going = ReplyJob.objects.filter(id=job.id, status__in=GOING, beat_at=before)
    if not going.update(status=job.status, done=job.done, beat_at=job.beat_at, failures=0, error=""):
        raise _Overtaken


def _put_off(job: ReplyJob, exc: Exception) -> None:
    """Try again later, and say so; after many times that is the end, and what was searched before still is."""
    job.failures += 1
    logger.warning("job %s: %s did not embed (%s)", job.id, job.model, type(exc).__name__)
    facts = {"model": job.model, "code": getattr(exc, "code", "timeout")}
    error = _("%(model)s does not embed the questions (%(code)s).") % facts
    going = ReplyJob.objects.filter(id=job.id, status__in=GOING)
    if job.failures >= MOST_FAILURES:
        going.update(status=Job.FAILED, error=error, failures=job.failures, finished_at=timezone.now())
        return
    if going.update(status=job.status, error=error, failures=job.failures, beat_at=timezone.now()):
        enqueue(TASK, str(job.id), countdown=min(600, 10 * 2**job.failures))
