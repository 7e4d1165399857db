"""Annotation reply over the service API: switched on and off by jobs, and what it answered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations import selectors
from apps.annotations.models import AnnotationHit, ReplyJob
from apps.annotations.models.training_set import Job
from apps.annotations.selectors.hits import hits_of
from apps.annotations.selectors.reply import open_reply_job
from apps.annotations.services.reply_settings import switch_reply
from apps.workflows.api.views import ServiceView, body_of, number_of, page_limit
from model_runtime.errors import ModelError
from providers.services import open_embedding_model
from support.errors import ConsoleError, InvalidInput

#: The provider of models that need none.
BUILT_IN = "built-in"
_STATUS = {Job.QUEUED: "waiting", Job.RUNNING: "processing", Job.DONE: "completed"}


class AnnotationReply(ServiceView):
    """POST /v1/apps/annotation-reply/<action>: switch it on, with a model and a threshold, or off."""

    scope = "annotations"

    def post(self, request: Request, action: str) -> Response:
        application = self.application()
        on = _action(action) == ReplyJob.Action.ENABLE
        model = _model(application, body_of(request)) if on else ""
        threshold = _threshold(body_of(request)) if on else None
        job = switch_reply(application, on=on, threshold=threshold, model=model)
        return Response({"job_id": str(job.id), "job_status": status_of(job)})


class AnnotationReplyStatus(ServiceView):
    """GET /v1/apps/annotation-reply/<action>/status/<job>: how far the job is."""

    scope = "annotations"

    def get(self, request: Request, action: str, job_id: UUID) -> Response:
        job = open_reply_job(job_id, application_id=self.application().id, action=_action(action))
        return Response({"job_id": str(job.id), "job_status": status_of(job), "error_msg": job.error})


class AnnotationHits(ServiceView):
    """GET /v1/apps/annotations/<id>/hit-histories: which questions it answered."""

    scope = "annotations"

    def get(self, request: Request, annotation_id: UUID) -> Response:
        annotation = selectors.open_annotation(annotation_id, application_id=self.application().id)
        page = number_of(request.query_params.get("page", "1"), name="page", most=100_000)
        limit = page_limit(request)
        found = hits_of(annotation, page=page, limit=limit)
        data = [hit_body(hit) for hit in found.items]
        return Response({"data": data, "has_more": found.has_more, "limit": limit, "total": found.total, "page": page})


def status_of(job: ReplyJob) -> str:
    """How far a job is, in the wire's words."""
    return _STATUS.get(Job(job.status), "error")


def hit_body(hit: AnnotationHit) -> dict[str, Any]:
    """A hit in the wire's shape."""
    return {
        "id": str(hit.id),
        "source": hit.source,
        "score": hit.score,
        "question": hit.question,
        "created_at": int(hit.created_at.timestamp()),
        "match": hit.annotation_question,
        "response": hit.annotation_answer,
    }


def _action(action: str) -> str:
    if action not in (ReplyJob.Action.ENABLE, ReplyJob.Action.DISABLE):
        raise InvalidInput("action must be one of: enable, disable.", path="/action")
    return action


def _threshold(body: dict[str, Any]) -> float | None:
    value = body.get("score_threshold")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput("score_threshold must be a number from 0 to 1.", path="/score_threshold")
    return float(value)


def _model(application: Any, body: dict[str, Any]) -> str:
    """Our name of the model that is meant: providers of others carry the name of their plugin in front."""
    provider, model = body.get("embedding_provider_name") or "", body.get("embedding_model_name") or ""
    if not isinstance(provider, str) or not isinstance(model, str):
        raise InvalidInput("embedding_model_name must be a string.", path="/embedding_model_name")
    if not model:
        return ""
    named = provider.rpartition("/")[2]
    names = [f"{named}/{model}", model] if named and named != BUILT_IN else [model]
    refused: Exception | None = None
    for name in names:
        try:
            open_embedding_model(name, team_id=application.team_id)
        except (ModelError, ConsoleError) as exc:
            refused = refused or exc
            continue
        return name
    raise InvalidInput(str(refused), path="/embedding_model_name")
