"""The page of one item of a golden set: written, changed, taken out, and what it was before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.selectors import may
from apps.annotations.admin.access import trace_url
from apps.annotations.admin.golden_form import GoldenItemForm
from apps.annotations.admin.named_values import written
from apps.annotations.admin.pages.golden_set import opened, shown
from apps.annotations.models import GoldenItem, GoldenSet
from apps.annotations.selectors.golden import open_item, states_of
from apps.annotations.services.golden_items import SameQuestion, add_items, change_item, withdraw_items
from support.errors import ConsoleError, NotFound
from support.word_diff import Piece, diff_words


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What an item was for some versions, and what of it changed then."""

    row: GoldenItem
    until: int | None
    question: list[Piece]
    expected: list[Piece]


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """A new item, written by hand."""
    golden_set = opened(request, set_id, right="annotate")
    user: Any = request.user
    names = input_names(golden_set)
    form = GoldenItemForm(request.POST or None, initial={"expected_kind": "text"}, input_names=names)
    if request.method == "POST" and form.is_valid():
        try:
            done = add_items(golden_set, [form.item()], by=user, same_question=SameQuestion.ADD)
        except ConsoleError as exc:
            form.add_error(None, str(exc))
        else:
            words = _("The item was added.") if done.added else _("The set has this item already.")
            messages.success(request, words)
            if "_another" in request.POST:
                return redirect("admin:annotations_golden_add", golden_set.id)
            return shown(golden_set)
    context = {**_context(request, golden_set), "title": _("Add an item"), "form": form}
    status = 400 if form.is_bound and not form.is_valid() else 200
    return TemplateResponse(request, "admin/annotations/golden/item.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def item(request: HttpRequest, set_id: UUID, number: int) -> HttpResponse:
    """An item as it is now, or was last, with its history."""
    golden_set = opened(request, set_id)
    row = _item(golden_set, number)
    may_change = may(request.user, "annotate", team_id=golden_set.team_id) and row.is_current
    form = GoldenItemForm(
        request.POST if request.method == "POST" and may_change else None,
        initial=GoldenItemForm.initial_of(row),
        input_names=input_names(golden_set),
    )
    if form.is_bound and form.is_valid() and _changed(request, golden_set, number, form):
        return redirect("admin:annotations_golden_item", golden_set.id, number)
    context = {
        **_context(request, golden_set),
        "title": _("Item %(n)s") % {"n": number},
        "form": form,
        "item": row,
        "states": _states(states_of(golden_set, number)),
        "trace_url": trace_url(row.source_trace_id) if row.source_trace_id else None,
        "may_change": may_change,
    }
    status = 400 if form.is_bound else 200
    return TemplateResponse(request, "admin/annotations/golden/item.html", context, status=status)


@require_POST
def take_out(request: HttpRequest, set_id: UUID, number: int) -> HttpResponse:
    """Leave the item out from the next version on."""
    golden_set = opened(request, set_id, right="annotate")
    user: Any = request.user
    row = _item(golden_set, number)
    done = withdraw_items(golden_set, [row.number], by=user)
    return shown(golden_set, done=done.version if done.withdrawn else None)


def input_names(golden_set: GoldenSet) -> list[str]:
    """The input fields of the set's app, as its draft has them."""
    application: Any = golden_set.application
    version = (application.draft or application.live) if application is not None else None
    return [each["name"] for each in (version.document.get("inputs") or ())] if version is not None else []


def _changed(request: HttpRequest, golden_set: GoldenSet, number: int, form: GoldenItemForm) -> bool:
    user: Any = request.user
    before = golden_set.version
    try:
        done = change_item(golden_set, number, form.item(), by=user)
    except ConsoleError as exc:
        form.add_error(None, str(exc))
        return False
    if done.version != before:
        messages.success(request, _("Saved as version %(n)s of the set.") % {"n": done.version})
    return True


def _context(request: HttpRequest, golden_set: GoldenSet) -> dict[str, Any]:
    return {**admin.site.each_context(request), "golden_set": golden_set, "may_change": True}


def _item(golden_set: GoldenSet, number: int) -> GoldenItem:
    try:
        return open_item(golden_set, number)
    except NotFound as exc:
        raise Http404(str(exc)) from exc


def _states(rows: list[GoldenItem]) -> list[State]:
    """Each state with what it changed of the one before; the first one changed nothing."""
    earlier = [*rows[1:], None]
    return [
        State(
            row=row,
            until=row.valid_to_version - 1 if row.valid_to_version else None,
            question=diff_words(before.question, row.question) if before else [],
            expected=diff_words(written(before.expected)[1], written(row.expected)[1]) if before else [],
        )
        for row, before in zip(rows, earlier, strict=True)
    ]
