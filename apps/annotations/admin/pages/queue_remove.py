"""Taking items out of a queue: a page that names what goes, and a way to put untouched ones back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.selectors import may
from apps.annotations.admin.pages.workbench import opened
from apps.annotations.models import ReviewQueue
from apps.annotations.services.queue_removing import MOST_REMOVED, remove_items, what_goes
from apps.workflows.selectors.messages import as_uuid
from support.errors import ConsoleError

#: So many are named one by one.
NAMED = 20
#: As many fit into an address.
MOST_PUT_BACK = 200


@require_http_methods(["GET", "HEAD", "POST"])
def take_out(request: HttpRequest, queue_id: UUID) -> HttpResponse:
    """What goes, by name; then it is gone."""
    queue = opened(request, queue_id, right="annotate")
    user: Any = request.user
    ids = _named(request, queue)
    if request.method == "POST":
        return _removed(request, queue, ids)
    going = what_goes(queue, ids)
    context = {
        **admin.site.each_context(request),
        "title": _("Take out of the queue"),
        "queue": queue,
        "going": going,
        "named": going.items[:NAMED],
        "more": max(0, len(going.items) - NAMED),
        "ids": ",".join(str(item.id) for item in going.items),
        "may_remove": going.is_untouched or may(user, "edit", team_id=queue.team_id),
    }
    return TemplateResponse(request, "admin/annotations/workbench/take_out.html", context)


def put_together(queue: ReviewQueue, *, began: Any, ended: Any) -> str:
    """Where what entered by hand between these moments is taken out again."""
    window = urlencode({"since": began.isoformat(), "until": ended.isoformat()})
    return f"{reverse('admin:annotations_queue_take_out', args=[queue.id])}?{window}"


def _removed(request: HttpRequest, queue: ReviewQueue, ids: Sequence[UUID]) -> HttpResponse:
    user: Any = request.user
    try:
        gone = remove_items(queue, ids, by=user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
        return redirect("admin:annotations_queue_overview", queue.id)
    count = len(gone.items)
    words = ngettext("One item left the queue.", "%(n)s items left the queue.", count) % {"n": count}
    if gone.is_untouched and 0 < count <= MOST_PUT_BACK and queue.is_open:
        subjects = ",".join(str(item.subject_id) for item in gone.items)
        again = f"{reverse('admin:annotations_queue_put')}?{urlencode({'ids': subjects, 'queue': queue.id})}"
        messages.success(request, format_html('{} <a href="{}">{}</a>', words, again, _("Put back")))
    else:
        messages.success(request, words)
    return redirect("admin:annotations_queue_overview", queue.id)


def _named(request: HttpRequest, queue: ReviewQueue) -> list[UUID]:
    """Items named one by one, or those that entered by hand between two moments."""
    given = request.POST if request.method == "POST" else request.GET
    named = [as_uuid(each) for text in given.getlist("items") for each in text.split(",") if each]
    if named:
        return [each for each in named if each is not None][:MOST_REMOVED]
    since, until = _moment(given.get("since", "")), _moment(given.get("until", ""))
    if since is None or until is None:
        return []
    entered = queue.items.filter(origin=ReviewQueue.Feed.HAND, created_at__gte=since, created_at__lte=until)
    return list(entered.order_by("id").values_list("id", flat=True)[:MOST_REMOVED])


def _moment(text: str) -> Any:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
