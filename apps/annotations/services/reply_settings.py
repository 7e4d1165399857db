"""Sets how an app answers from its annotations: whether, how near a question must be, and what places questions."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models import ReplyJob, ReplySetting
from apps.annotations.models.training_set import GOING, Job
from apps.annotations.selectors.reply import KINDS, going_job, published_features, state_of
from apps.annotations.services.moving import begin_embedding
from model_runtime.errors import ModelError
from providers.services import list_models, open_embedding_model
from support.errors import ConsoleError, InvalidInput


@transaction.atomic
def set_reply(
    application: Any,
    *,
    is_enabled: bool | None,
    threshold: float | None,
    model: str,
    action: str = ReplyJob.Action.EMBED,
    by: User | None = None,
) -> ReplyJob | None:
    """Set all three (None and "": as the app's document says); the job that moves the answers, if one must.

    Until it has, questions are compared by the model that was set before. Raises InvalidInput.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise InvalidInput(_("The similarity is a number from 0 to 1."), field="threshold")
    setting = _setting_for_update(application)
    setting.is_enabled, setting.threshold, setting.wanted_model = is_enabled, threshold, model
    setting.updated_by = by
    wanted = state_of(setting, published_features(application.id)).wanted_model
    if model and wanted != setting.model:
        _require_model(application, model)
    setting.save()
    if wanted != setting.model:
        going = going_job(application.id)
        if going is None or going.model != wanted:
            return begin_embedding(setting, model=wanted, action=action, by=by)
        return going
    return None


@transaction.atomic
def switch_reply(
    application: Any,
    *,
    on: bool,
    threshold: float | None = None,
    model: str = "",
    by: User | None = None,
) -> ReplyJob:
    """Switch annotation reply on or off; what is not given stays as it is. A job either way. Raises InvalidInput."""
    setting = _setting_for_update(application)
    action = ReplyJob.Action.ENABLE if on else ReplyJob.Action.DISABLE
    job = set_reply(
        application,
        is_enabled=on,
        threshold=setting.threshold if threshold is None else threshold,
        model=model or setting.wanted_model,
        action=action,
        by=by,
    )
    if job is not None and job.action == action:
        return job
    now = timezone.now()
    facts: dict[str, Any] = {"model": setting.model, "status": Job.DONE, "beat_at": now, "finished_at": now}
    return ReplyJob.objects.create(
        team_id=application.team_id, application=application, action=action, created_by=by, **facts
    )


@transaction.atomic
def stop_moving(application: Any, *, by: User) -> None:
    """End the job that embeds: the app stays with the model that its answers are found with now."""
    setting = _setting_for_update(application)
    going = ReplyJob.objects.filter(application=application, status__in=GOING)
    if going.update(status=Job.STOPPED, finished_at=timezone.now()):
        setting.wanted_model, setting.updated_by = setting.model, by
        setting.save(update_fields=["wanted_model", "updated_by", "updated_at"])


def embedding_models(application: Any) -> list[str]:
    """The names of the embedding models that the app's team may choose from."""
    return [info.name for info in list_models(application.team_id) if info.kind == "embedding"]


def _setting_for_update(application: Any) -> ReplySetting:
    ReplySetting.objects.get_or_create(
        application=application,
        defaults={"team_id": application.team_id, "model": _model_at_work(application)},
    )
    return ReplySetting.objects.select_for_update().get(application=application)


def _model_at_work(application: Any) -> str:
    """What embedded the newest answer; what the document names, where there is none."""
    for kind in KINDS:
        rows = kind._default_manager.filter(application=application).exclude(embedding_model="")
        if found := rows.order_by("-id").values_list("embedding_model", flat=True).first():
            return str(found)
    return state_of(None, published_features(application.id)).wanted_model


def _require_model(application: Any, model: str) -> None:
    try:
        open_embedding_model(model, team_id=application.team_id)
    except (ModelError, ConsoleError) as exc:
        raise InvalidInput(str(exc), field="wanted_model") from exc
