"""How far a queue is: figures, reviewers, agreement, disagreements to decide, and filling it by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may
from apps.annotations.admin.pages.workbench import opened
from apps.annotations.models import ReviewQueue
from apps.annotations.selectors.progress import agreement_per_question, progress_by_person, progress_of
from apps.annotations.selectors.queues import open_item, questions_of
from apps.annotations.services.feeding import fill_queue
from apps.annotations.services.queues import reopen_item
from apps.annotations.workbench.item_state import ItemState
from support.errors import ConsoleError, NotFound

#: Disagreements and items set aside that are listed.
LISTED = 50
RANGES = (1, 7, 30, 90)
MOST_BY_HAND = 1_000


@require_safe
def overview(request: HttpRequest, queue_id: UUID) -> HttpResponse:
    """The page. On blind queues, who answered what is for those who decide."""
    queue = opened(request, queue_id)
    user: Any = request.user
    may_decide = may(user, "edit", team_id=queue.team_id)
    people = progress_by_person(queue)
    waiting = queue.items.order_by("id")
    context = {
        **admin.site.each_context(request),
        "title": queue.name,
        "queue": queue,
        "progress": progress_of([queue.id])[queue.id],
        "people": people
        if may_decide or not queue.is_blind
        else [row for row in people if row.annotator_id == user.id],
        "agreement": agreement_per_question(queue, questions_of(queue.id)),
        "disagreed": list(waiting.filter(status=ItemState.DISAGREED)[:LISTED]) if may_decide else [],
        "set_aside": list(waiting.filter(status=ItemState.SET_ASIDE)[:LISTED]) if may_decide else [],
        "may_decide": may_decide,
        "may_fill": may_decide and queue.feed != ReviewQueue.Feed.HAND,
        "ranges": RANGES,
    }
    return TemplateResponse(request, "admin/annotations/workbench/overview.html", context)


@require_POST
def fill(request: HttpRequest, queue_id: UUID) -> HttpResponse:
    """Bring in what the queue's filter finds in the last days."""
    queue = opened(request, queue_id, right="edit")
    days = request.POST.get("days", "")
    since = timezone.now() - dt.timedelta(days=int(days) if days in map(str, RANGES) else 1)
    try:
        added = fill_queue(queue, since=since, limit=MOST_BY_HAND)
    except ConsoleError as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, ngettext("One item entered.", "%(n)s items entered.", added) % {"n": added})
    return redirect("admin:annotations_queue_overview", queue.id)


@require_POST
def reopen(request: HttpRequest, queue_id: UUID, item_id: UUID) -> HttpResponse:
    """Have an item that was set aside judged after all."""
    queue = opened(request, queue_id, right="edit")
    user: Any = request.user
    try:
        reopen_item(open_item(item_id, queue=queue).id, by=user)
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    except ConsoleError as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, _("The item is in the queue again."))
    return redirect("admin:annotations_queue_overview", queue.id)
