"""The workbench: one item of a queue after the other, its dialogue in the middle and the questions beside it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may
from apps.annotations.admin.pages.workbench_item import difference, item_body
from apps.annotations.models import Assignment, ReviewQueue
from apps.annotations.selectors.progress import own_progress, recent_work
from apps.annotations.selectors.queues import is_reviewer, open_item, open_queue, questions_of
from apps.annotations.services.claiming import claim_next, release_lease, renew_lease
from apps.annotations.services.submitting import save_draft, skip_item, submit_answers, undo_last
from support.errors import Conflict, ConsoleError, InvalidInput, NotFound

MAX_BODY = 1_000_000


@require_safe
def workbench(request: HttpRequest, queue_id: UUID) -> HttpResponse:
    """The page; items come to it one by one."""
    queue = opened(request, queue_id)
    user: Any = request.user
    context = {
        **admin.site.each_context(request),
        "title": queue.name,
        "queue": queue,
        "questions": [{"question": each, "config": config} for each, config in _with_configs(queue)],
        "skip_reasons": Assignment.SkipReason.choices,
        "recent": recent_work(queue, user),
        "progress": own_progress(queue, user),
        "may_decide": may(user, "edit", team_id=queue.team_id),
    }
    return TemplateResponse(request, "admin/annotations/workbench/work.html", context)


@require_POST
def claim(request: HttpRequest, queue_id: UUID) -> HttpResponse:
    """The next item, or the one after those in `beside`."""
    queue = opened(request, queue_id)
    user: Any = request.user

    def work(body: dict[str, Any]) -> dict[str, Any]:
        claimed = claim_next(queue, by=user, beside=_ids(body.get("beside")))
        item = None if claimed is None else item_body(claimed, queue=queue, user=user)
        return {"item": item, "progress": own_progress(queue, user)}

    return answered(request, work)


@require_POST
def undo(request: HttpRequest, queue_id: UUID) -> HttpResponse:
    """The item that was answered last, in hand again."""
    queue = opened(request, queue_id)
    user: Any = request.user

    def work(body: dict[str, Any]) -> dict[str, Any]:
        taken_back = undo_last(queue.id, by=user)
        return {"item": item_body(taken_back, queue=queue, user=user), "progress": own_progress(queue, user)}

    return answered(request, work)


@require_POST
def act(request: HttpRequest, queue_id: UUID, assignment_id: UUID, verb: str) -> HttpResponse:
    """Heartbeat, draft, submit, skip or release of one's own assignment."""
    queue = opened(request, queue_id)
    user: Any = request.user

    def work(body: dict[str, Any]) -> dict[str, Any]:
        # Whoever may work in this queue may not, for that, in one that they were taken out of.
        if not Assignment.objects.filter(id=assignment_id, queue_id=queue.id).exists():
            raise Conflict(_("This item is no longer in your hands."))
        match verb:
            case "heartbeat":
                renew_lease(assignment_id, by=user)
            case "draft":
                save_draft(assignment_id, _answers(body), by=user)
            case "release":
                release_lease(assignment_id, by=user)
            case "submit":
                submit_answers(assignment_id, _answers(body), by=user)
            case "skip":
                words = {name: str(body.get(name) or "") for name in ("reason", "text")}
                skip_item(assignment_id, by=user, later=body.get("later") is True, **words)
            case _:
                raise NotFound("There is no such action.")
        return {"progress": own_progress(queue, user)} if verb in ("submit", "skip") else {}

    return answered(request, work)


@require_POST
def show_diff(request: HttpRequest, queue_id: UUID, item_id: UUID) -> HttpResponse:
    """What a correction changes, for the live view."""
    queue = opened(request, queue_id)

    def work(body: dict[str, Any]) -> dict[str, Any]:
        return difference(open_item(item_id, queue=queue), str(body.get("corrected") or ""))

    return answered(request, work)


def opened(request: HttpRequest, queue_id: UUID, *, right: str = "annotate") -> ReviewQueue:
    """The queue, if one may work in it. Raises Http404, PermissionDenied."""
    user: Any = request.user
    try:
        queue = open_queue(queue_id, for_=user)
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(user, right, team_id=queue.team_id):
        raise PermissionDenied
    if right == "annotate" and not is_reviewer(queue, user) and not may(user, "edit", team_id=queue.team_id):
        raise PermissionDenied
    return queue


def answered(request: HttpRequest, work: Any) -> HttpResponse:
    """What came of a request in JSON, or the error in its wire shape."""
    try:
        return JsonResponse(work(_body(request)))
    except ConsoleError as exc:
        return JsonResponse(exc.as_dict(), status=exc.http_status)


def _body(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > MAX_BODY:
        raise InvalidInput(_("This is too long."))
    try:
        body = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as exc:
        raise InvalidInput("The body is not JSON.") from exc
    if not isinstance(body, dict):
        raise InvalidInput("The body must be an object.")
    return body


def _answers(body: dict[str, Any]) -> dict[str, Any]:
    answers = body.get("answers")
    if not isinstance(answers, dict):
        raise InvalidInput("answers must be an object.", field="answers")
    return answers


def _ids(given: Any) -> list[UUID]:
    try:
        return [UUID(each) for each in given or ()][:10]
    except (TypeError, ValueError, AttributeError) as exc:
        raise InvalidInput("beside must be a list of ids.", field="beside") from exc


def _with_configs(queue: ReviewQueue) -> list[tuple[Any, Any]]:
    rows = queue.questions.select_related("config").order_by("position", "id")
    return list(zip(questions_of(queue.id), [row.config for row in rows], strict=True))
