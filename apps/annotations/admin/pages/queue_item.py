"""The page of one item of a queue: what was judged, what came of the judgement, and the way to its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.selectors import may
from apps.annotations.admin.pages.workbench import opened
from apps.annotations.admin.pages.workbench_item import shown
from apps.annotations.models import Assignment, QueueItem, ReviewQueue
from apps.annotations.selectors.corrections import corrections_of
from apps.annotations.selectors.queues import answers_by_assignment, open_item, questions_of
from apps.annotations.workbench.answers import Kind, Question, Value
from apps.annotations.workbench.item_state import ItemState
from support.errors import NotFound


@require_safe
def item_page(request: HttpRequest, queue_id: UUID, item_id: UUID) -> HttpResponse:
    """The page. In a blind queue reviewers see their own answers; those who decide see all."""
    queue = opened(request, queue_id)
    user: Any = request.user
    try:
        item = open_item(item_id, queue=queue)
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    may_decide = may(user, "edit", team_id=queue.team_id)
    questions = questions_of(queue.id)
    context = {
        **admin.site.each_context(request),
        "title": _("Queue item"),
        "queue": queue,
        "item": item,
        "shown": shown(item),
        "sheets": _sheets(item, questions, queue=queue, user=user, sees_all=may_decide),
        "decision": _decision(item, questions),
        "corrections": corrections_of(item.subject_id) if item.subject_kind == QueueItem.Subject.MESSAGE else [],
        "may_take_out": may_decide or (item.taken == 0 and may(user, "annotate", team_id=queue.team_id)),
        "may_decide": may_decide and item.status in (ItemState.DISAGREED, ItemState.ADJUDICATED),
    }
    return TemplateResponse(request, "admin/annotations/workbench/item.html", context)


def _sheets(
    item: QueueItem, questions: list[Question], *, queue: ReviewQueue, user: Any, sees_all: bool
) -> list[dict[str, Any]]:
    """Who answered what, in the order of the questions."""
    given = answers_by_assignment([item.id], questions)
    people = {row.id: row for row in Assignment.objects.filter(id__in=list(given)).select_related("annotator")}
    return [
        {
            "name": person.annotator.get_username() if (person := people[key]).annotator else "–",
            "at": person.submitted_at,
            "answers": _in_words(questions, sheet),
        }
        for key, sheet in given.items()
        if sees_all or not queue.is_blind or people[key].annotator_id == user.id
    ]


def _decision(item: QueueItem, questions: list[Question]) -> list[tuple[str, str]]:
    decided = answers_by_assignment([item.id], questions, role=Assignment.Role.DECISION)
    sheet = next(iter(decided.values()), None)
    return _in_words(questions, sheet) if sheet is not None else []


def _in_words(questions: list[Question], sheet: Mapping[str, Value]) -> list[tuple[str, str]]:
    return [(question.name, words_of(question, sheet.get(question.key))) for question in questions]


def words_of(question: Question, value: Value | None) -> str:
    """An answer as people read it."""
    if value is None:
        return "–"
    if question.kind is Kind.BOOLEAN:
        return _("Yes") if value else _("No")
    return f"{value:g}" if isinstance(value, float) else str(value)
