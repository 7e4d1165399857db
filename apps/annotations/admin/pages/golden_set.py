"""The page of a golden set: the items of a version, and the versions there are."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may, teams_of
from apps.annotations.admin.access import belongs_somewhere, preview, trace_url
from apps.annotations.admin.named_values import written
from apps.annotations.models import GoldenItem, GoldenSet
from apps.annotations.selectors.golden import (
    facts_of,
    golden_versions_of,
    items_of,
    open_golden_set,
    open_golden_version,
    tags_in,
)
from apps.annotations.services.exporting_golden import FORMATS, golden_file
from apps.annotations.services.golden_items import restore_version, withdraw_items
from apps.annotations.services.golden_undoing import undo_version
from support.errors import ConsoleError, NotFound

PAGE = 50
MOST_WORDS = 200


@require_safe
def overview(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """The items of the newest version, or of the one asked for."""
    golden_set = opened(request, set_id)
    version = _asked_version(request, golden_set)
    tag = request.GET.get("tag", "")[:60]
    words = request.GET.get("q", "").replace("\x00", "").strip()[:MOST_WORDS]
    found = items_of(golden_set, version)
    if tag:
        found = found.filter(tags__contains=[tag])
    if words:
        found = found.filter(Q(question__icontains=words) | Q(expected__icontains=words))
    after = request.GET.get("after", "")
    place = int(after) if after.isdecimal() and len(after) < 9 else 0
    rows = list(found.filter(number__gt=place).select_related("correction")[: PAGE + 1])
    asked = {"version": version if version != golden_set.version else "", "q": words, "tag": tag}
    is_current = version == golden_set.version
    context = {
        **_context(request, golden_set, tab="items"),
        "version": version,
        "is_current": is_current,
        "facts": facts_of(golden_set, version),
        "rows": [_row(row) for row in rows[:PAGE]],
        "tags": tags_in(golden_set, version),
        "tag": tag,
        "query": words,
        "asked": asked,
        "tag_address": _address(**{**asked, "tag": ""}),
        "newer": _address(**asked) if place else "",
        "older": _address(**asked, after=rows[PAGE - 1].number) if len(rows) > PAGE else "",
    }
    context |= _just_done(request, golden_set)
    context["may_change"] = context["may_change"] and is_current
    if context["may_edit"] and version:
        begin = reverse("admin:annotations_experiment_add")
        context["experiment_url"] = f"{begin}?{urlencode({'set': f'{golden_set.id}@{version}'})}"
    return TemplateResponse(request, "admin/annotations/golden/set.html", context)


@require_safe
def versions(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """What changed when, newest first."""
    golden_set = opened(request, set_id)
    context = {**_context(request, golden_set, tab="versions"), "versions": golden_versions_of(golden_set)}
    return TemplateResponse(request, "admin/annotations/golden/versions.html", context)


@require_POST
def take_out(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """Leave the chosen items out from the next version on."""
    golden_set = opened(request, set_id, right="annotate")
    user: Any = request.user
    numbers = [int(each) for each in request.POST.getlist("item")[:PAGE] if each.isdecimal() and len(each) < 9]
    try:
        done = withdraw_items(golden_set, numbers, by=user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
    else:
        if done.withdrawn:
            return shown(golden_set, done=done.version)
    return shown(golden_set)


@require_POST
def undo(request: HttpRequest, set_id: UUID, number: int) -> HttpResponse:
    """Take back what a version changed."""
    golden_set = opened(request, set_id, right="annotate")
    user: Any = request.user
    before = golden_set.version
    try:
        done = undo_version(golden_set, number, by=user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
        return shown(golden_set)
    if done.version == before:
        messages.info(request, _("There is nothing left of version %(n)s to take back.") % {"n": number})
    else:
        words = _("What version %(n)s changed was taken back; version %(version)s stands now.")
        messages.success(request, words % {"n": number, "version": done.version})
    return shown(golden_set)


@require_POST
def restore(request: HttpRequest, set_id: UUID, number: int) -> HttpResponse:
    """Make the next version what an earlier one was."""
    golden_set = opened(request, set_id, right="annotate")
    user: Any = request.user
    try:
        open_golden_version(golden_set, number)
        done = restore_version(golden_set, number, by=user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
        return shown(golden_set)
    words = _("Version %(version)s holds what version %(n)s held.")
    messages.success(request, words % {"version": done.version, "n": number})
    return shown(golden_set)


@require_safe
def export(request: HttpRequest, set_id: UUID, number: int, format: str) -> HttpResponseBase:
    """The items of a version as a file, streamed."""
    golden_set = opened(request, set_id)
    if format not in FORMATS or not 0 < number <= golden_set.version:
        raise Http404
    response = golden_file(golden_set, number, format=format)
    noted(request, golden_set, _("Downloaded version %(n)s.") % {"n": number})
    return response


def opened(request: HttpRequest, set_id: UUID, *, right: str = "view") -> GoldenSet:
    """The set, if it is of one's teams and one has the right there. Raises Http404, PermissionDenied."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        golden_set = open_golden_set(set_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(request.user, right, team_id=golden_set.team_id):
        raise PermissionDenied
    return golden_set


def shown(golden_set: GoldenSet, *, done: int | None = None, back: str = "") -> HttpResponse:
    """The way to the page of a set; it tells what the version `done` did, with a way to take that back."""
    parts = {"done": done, "back": back}
    query = urlencode({name: value for name, value in parts.items() if value})
    return redirect(f"{reverse('admin:annotations_golden_set', args=[golden_set.id])}{f'?{query}' if query else ''}")


def noted(request: HttpRequest, golden_set: GoldenSet, words: str) -> None:
    """Who took what out of the house stands in the audit."""
    model_admin: Any = admin.site._registry[GoldenSet]
    model_admin.log_change(request, golden_set, words)


def _context(request: HttpRequest, golden_set: GoldenSet, *, tab: str) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": golden_set.name,
        "golden_set": golden_set,
        "tab": tab,
        "may_change": may(request.user, "annotate", team_id=golden_set.team_id),
        "may_edit": may(request.user, "edit", team_id=golden_set.team_id),
    }


def _just_done(request: HttpRequest, golden_set: GoldenSet) -> dict[str, Any]:
    """The change that the person has just made, as long as it is the newest, and where they came from."""
    back = request.GET.get("back", "")
    is_own = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    is_newest = request.GET.get("done") == str(golden_set.version) and golden_set.version > 0
    change = golden_set.versions.filter(number=golden_set.version).first() if is_newest else None
    return {"change": change, "back": back if is_own else ""}


def _asked_version(request: HttpRequest, golden_set: GoldenSet) -> int:
    """The version that the address names; the newest one where it names none. Raises Http404."""
    text = request.GET.get("version", "")
    if not text:
        return golden_set.version
    if not text.isdecimal() or len(text) > 8 or not 0 < int(text) <= golden_set.version:
        raise Http404
    return int(text)


def _row(row: GoldenItem) -> dict[str, Any]:
    _kind, text = written(row.expected)
    return {
        "item": row,
        "question": preview(row.question or ", ".join(f"{name}: {value}" for name, value in row.inputs.items())),
        "expected": preview(text, length=160),
        "trace_url": trace_url(row.source_trace_id) if row.source_trace_id else None,
    }


def _address(**parts: Any) -> str:
    return "?" + urlencode({name: str(value) for name, value in parts.items() if value})
