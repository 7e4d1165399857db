"""Asks for an app's answers to be embedded, all or the rest of them; notices by itself when that is due."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from apps.annotations.models import ReplyJob, ReplySetting
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.selectors.reply import KINDS, elsewhere, going_job, published_features, state_of
from support.jobs import enqueue_on_commit

TASK = "annotations.embed_answers"
#: An app is looked at this often at most, so that the hot path stays short.
INTERVAL = 60.0

_looked: dict[tuple[UUID, str], float] = {}
_lock = threading.Lock()


@transaction.atomic
def begin_embedding(
    setting: ReplySetting,
    *,
    model: str,
    action: str = ReplyJob.Action.EMBED,
    by: User | None = None,
    countdown: float = 0,
) -> ReplyJob:
    """Have a job embed the app's answers with the model; one that is at work for another model is stopped.

    Until the job has all of them, questions are compared with the answers where they are now.
    """
    ReplySetting.objects.select_for_update().get(id=setting.id)
    now = timezone.now()
    going = ReplyJob.objects.filter(application_id=setting.application_id, status__in=GOING)
    going.update(status=Job.STOPPED, finished_at=now)
    job = ReplyJob.objects.create(
        team_id=setting.team_id,
        application_id=setting.application_id,
        action=action,
        model=model,
        created_by=by,
        beat_at=now,
    )
    enqueue_on_commit(TASK, str(job.id), countdown=countdown)
    return job


def embed_later(setting: ReplySetting, *, countdown: float = 0) -> None:
    """Have what is not embedded yet embedded where the app's answers are; a job that is at work does that anyway."""
    if going_job(setting.application_id) is None:
        begin_embedding(setting, model=setting.model, countdown=countdown)


def move_if_elsewhere(application_id: UUID, team_id: UUID, *, space: str) -> None:
    """Begin a job if the app's answers should be embedded by another model, or are not where questions are looked for.

    `space` is that of the model that answers are searched with now.
    """
    if not _is_due((application_id, space)) or going_job(application_id) is not None:
        return
    setting = ReplySetting.objects.filter(application_id=application_id).first()
    state = state_of(setting, published_features(application_id))
    if setting is not None and state.wanted_model != setting.model and setting.model:
        begin_embedding(setting, model=state.wanted_model)
    elif any(elsewhere(kind, application_id, space=space, slot=state.slot).exists() for kind in KINDS):
        begin_embedding(setting or _first_setting(application_id, team_id, model=state.model), model=state.model)


def _first_setting(application_id: UUID, team_id: UUID, *, model: str) -> ReplySetting:
    values: dict[str, Any] = {"team_id": team_id, "model": model}
    return ReplySetting.objects.get_or_create(application_id=application_id, defaults=values)[0]


def _is_due(key: tuple[UUID, str]) -> bool:
    now = time.monotonic()
    with _lock:
        if now - _looked.get(key, -INTERVAL) < INTERVAL:
            return False
        if len(_looked) > 10_000:
            _looked.clear()
        _looked[key] = now
        return True
