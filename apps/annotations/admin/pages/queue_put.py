"""Putting answers and traces into a queue by hand, from wherever they are listed or shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.selectors import may, teams_of
from apps.annotations.admin.access import belongs_somewhere
from apps.annotations.admin.pages.queue_remove import put_together
from apps.annotations.models import ReviewQueue
from apps.annotations.selectors.progress import progress_of
from apps.annotations.selectors.queues import queues_to_fill
from apps.annotations.services.queues import MOST_BY_QUERY, Put, put_found, put_picked
from apps.workflows.selectors.messages import as_uuid
from support.errors import ConsoleError

#: As many can be named in an address; more are named by the filters that find them.
MOST_NAMED = 500


@require_http_methods(["GET", "HEAD", "POST"])
def put(request: HttpRequest) -> HttpResponse:
    """Choose a queue; then they enter it, and the person is where they came from."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    ids, query = _ids(given), given.get("query", "")[:4_000]
    back = _back(request)
    if request.method == "POST":
        return _enter(request, ids=ids, query=query, back=back)
    queues = _queues(request)
    progress = progress_of([queue.id for queue in queues])
    context = {
        **admin.site.each_context(request),
        "title": _("Add to a review queue"),
        "queues": [(queue, progress[queue.id]) for queue in queues],
        "ids": ",".join(map(str, ids)),
        "query": "" if ids else query,
        "count": len(ids),
        "is_all": not ids and "query" in given,
        "most": MOST_BY_QUERY,
        "back": back,
        "chosen": as_uuid(request.GET.get("queue", "")) or (queues[0].id if queues else None),
        "may_make": any(may(request.user, "edit", team_id=team_id) for team_id in _teams(request)),
    }
    return TemplateResponse(request, "admin/annotations/workbench/put.html", context)


def _enter(request: HttpRequest, *, ids: list[UUID], query: str, back: str) -> HttpResponse:
    user: Any = request.user
    queue_id = as_uuid(request.POST.get("queue", ""))
    again = f"{reverse('admin:annotations_queue_put')}?{request.META.get('QUERY_STRING', '')}"
    if queue_id is None:
        messages.error(request, _("Choose a queue."))
        return redirect(again)
    began = timezone.now()
    try:
        done = (
            put_picked(queue_id, ids=ids, by=user)
            if ids
            else put_found(queue_id, query=dict(parse_qsl(query)), by=user)
        )
    except ConsoleError as exc:
        messages.error(request, str(exc))
        return redirect(again)
    words = _words(done)
    if done.new:
        undo = put_together(done.queue, began=began, ended=timezone.now())
        messages.success(request, format_html('{} <a href="{}">{}</a>', words, undo, _("Take out again")))
    else:
        messages.info(request, words)
    return redirect(back or reverse("admin:annotations_queue_overview", args=[queue_id]))


def _words(done: Put) -> str:
    words = ngettext("One item entered “%(queue)s”.", "%(n)s items entered “%(queue)s”.", done.new) % {
        "n": done.new,
        "queue": done.queue.name,
    }
    if done.known:
        more = ngettext("One was in it already.", "%(n)s were in it already.", done.known) % {"n": done.known}
        words = f"{words} {more}"
    if done.elsewhere:
        words += " " + ngettext(
            "One was left out: it is not of the queue's team, or no longer there.",
            "%(n)s were left out: they are not of the queue's team, or no longer there.",
            done.elsewhere,
        ) % {"n": done.elsewhere}
    return words


def _queues(request: HttpRequest) -> list[ReviewQueue]:
    user: Any = request.user
    return queues_to_fill([team_id for team_id in _teams(request) if may(user, "annotate", team_id=team_id)])


def _teams(request: HttpRequest) -> list[UUID]:
    return list(teams_of(request.user).values_list("id", flat=True))


def _ids(given: Any) -> list[UUID]:
    named = [part for text in given.getlist("ids") for part in text.split(",")]
    found = (as_uuid(each) for each in named[:MOST_NAMED] if each)
    return list(dict.fromkeys(each for each in found if each is not None))


def _back(request: HttpRequest) -> str:
    """The page the person came from, if it is one of ours."""
    came = request.POST.get("back", "") or request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(came, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return came if own and reverse("admin:annotations_queue_put") not in came else ""
