"""Deciding on a disagreement: what each reviewer answered, side by side, and the answers that hold."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.annotations.admin.pages.workbench import answered, opened
from apps.annotations.admin.pages.workbench_item import shown
from apps.annotations.models import Assignment, QueueItem, ReviewQueue
from apps.annotations.selectors.queues import answers_by_assignment, open_item, questions_of
from apps.annotations.services.adjudicating import decide_item
from apps.annotations.workbench.answers import COMPARED, Kind, Question, Value, same
from apps.annotations.workbench.item_state import ItemState
from support.errors import NotFound


@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, queue_id: UUID, item_id: UUID) -> HttpResponse:
    """The page, and the decision (JSON: `answers`, `approve`)."""
    queue = opened(request, queue_id, right="edit")
    user: Any = request.user
    try:
        item = open_item(item_id, queue=queue)
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if request.method != "POST":
        return TemplateResponse(request, "admin/annotations/workbench/decide.html", _context(request, queue, item))

    def work(body: dict[str, Any]) -> dict[str, Any]:
        given: Any = body.get("answers")
        decide_item(item.id, given if isinstance(given, dict) else {}, by=user, approve=body.get("approve") is True)
        return {"next": _after(queue)}

    return answered(request, work)


def _context(request: HttpRequest, queue: ReviewQueue, item: QueueItem) -> dict[str, Any]:
    questions = questions_of(queue.id)
    sheets = answers_by_assignment([item.id], questions)
    decided = answers_by_assignment([item.id], questions, role=Assignment.Role.DECISION)
    configs = {str(row.config_id): row.config for row in queue.questions.select_related("config")}
    given = list(sheets.values())
    start = next(iter(decided.values()), None) or _agreed_on(questions, given)
    return {
        **admin.site.each_context(request),
        "title": _("Decide on a disagreement"),
        "queue": queue,
        "item": item,
        "shown": shown(item),
        "questions": [{"question": each, "config": configs[each.key]} for each in questions],
        "rows": [_row(each, given) for each in questions],
        "columns": [_("Reviewer %(n)s") % {"n": number} for number in range(1, len(given) + 1)],
        "start": start,
        "has_correction": item.subject_kind == QueueItem.Subject.MESSAGE
        and any(each.kind is Kind.CORRECTION for each in questions),
        "may_decide": item.status in (ItemState.DISAGREED, ItemState.ADJUDICATED),
    }


def _row(question: Question, sheets: list[dict[str, Value]]) -> dict[str, Any]:
    values = [sheet.get(question.key) for sheet in sheets]
    given = [value for value in values if value is not None]
    # What everybody left open is nothing to decide about.
    differ = question.kind in COMPARED and bool(given) and (None in values or not same(question, given))
    return {"name": question.name, "values": [_words(value) for value in values], "differ": differ}


def _words(value: Value | None) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return _("Yes") if value else _("No")
        case float():
            return f"{value:g}"
    return str(value)


def _agreed_on(questions: list[Question], sheets: list[dict[str, Value]]) -> dict[str, Value]:
    """What nobody needs to decide: answers that all gave alike, and the only text that was written."""
    found: dict[str, Value] = {}
    for question in questions:
        values = [sheet[question.key] for sheet in sheets if question.key in sheet]
        alike = len(values) == len(sheets) and same(question, values) if question.kind in COMPARED else len(values) == 1
        if values and alike:
            found[question.key] = values[0]
    return found


def _after(queue: ReviewQueue) -> str:
    """Where to go on: the next disagreement, or the overview."""
    item_id = queue.items.filter(status=ItemState.DISAGREED).order_by("id").values_list("id", flat=True).first()
    if item_id is None:
        return reverse("admin:annotations_queue_overview", args=[queue.id])
    return reverse("admin:annotations_queue_decide", args=[queue.id, item_id])
