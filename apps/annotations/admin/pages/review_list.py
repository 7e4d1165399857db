"""To review: recent answers, with those that need somebody first in reach."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from accounts.selectors import may, teams_of
from apps.annotations import selectors
from apps.annotations.admin.access import belongs_somewhere
from apps.annotations.selectors.review import FILTERS, matches_text
from apps.workflows.selectors.messages import as_uuid

PAGE = 50


def review_list(request: HttpRequest) -> HttpResponse:
    """A page of messages, newest first; older ones follow by id, so that a long history costs nothing."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    show = request.GET.get("show", "disliked")
    show = show if show in FILTERS else "all"
    text = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    application = as_uuid(request.GET.get("app", "")) if request.GET.get("app") else None
    team_ids = list(teams_of(request.user).values_list("id", flat=True))
    found = selectors.to_review(team_ids, show=show, application_id=application)
    rows = list(_before(matches_text(found, text), request.GET.get("before", ""))[: PAGE + 1])
    context = {
        **admin.site.each_context(request),
        "title": _("To review"),
        "rows": rows[:PAGE],
        "tabs": [(key, label, _address(show=key, app=application, q=text)) for key, label in _tabs()],
        "show": show,
        "may_put": any(may(request.user, "annotate", team_id=team_id) for team_id in team_ids),
        "query": text,
        "application_id": application,
        "newer": _address(show=show, app=application, q=text) if request.GET.get("before") else "",
        "older": _address(show=show, app=application, q=text, before=rows[PAGE - 1].id) if len(rows) > PAGE else "",
    }
    return TemplateResponse(request, "admin/annotations/review_list.html", context)


def _tabs() -> list[tuple[str, str]]:
    return [
        ("disliked", _("Disliked")),
        ("proposed", _("To approve")),
        ("unreviewed", _("Not reviewed")),
        ("errors", _("Errors")),
        ("all", _("All answers")),
    ]


def _before(found: Any, text: str) -> Any:
    before = as_uuid(text) if text else None
    return found.filter(id__lt=before) if before else found


def _address(**parts: UUID | str | None) -> str:
    return "?" + urlencode({name: str(value) for name, value in parts.items() if value})
