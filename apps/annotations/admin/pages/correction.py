"""The page of a correction: both texts, where it came from, what it led to, and who did what with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may, teams_of
from apps.annotations import services
from apps.annotations.admin.access import trace_url
from apps.annotations.admin.product_rows import product_rows
from apps.annotations.models import Correction
from apps.annotations.selectors.correction_settings import settings_of
from apps.annotations.selectors.corrections import last_remark, open_correction, origin_of, steps_of
from apps.annotations.selectors.products import products_of
from apps.annotations.services.corrections import may_approve
from support.errors import ConsoleError, NotFound
from support.word_diff import diff_words

VIEWS = ("words", "sides")


@require_safe
def correction_page(request: HttpRequest, correction_id: UUID) -> HttpResponse:
    """The page."""
    correction = opened(request, correction_id)
    user: Any = request.user
    settings = settings_of(correction.application_id)
    origin = origin_of(correction)
    may_review = may(user, "annotate", team_id=correction.team_id)
    view = request.GET.get("view", "")
    context = {
        **admin.site.each_context(request),
        "title": _("Correction"),
        "correction": correction,
        "view": view if view in VIEWS else "words",
        "pieces": diff_words(correction.original, correction.corrected),
        "origin": origin,
        "trace_url": trace_url(correction.trace_id) if correction.trace_id else "",
        "conversation_url": conversation_url(origin.message.conversation_id) if origin.message else "",
        "products": product_rows(
            products_of([correction.id]).get(correction.id, []), correction=correction, settings=settings
        ),
        "steps": steps_of(correction),
        "sent_back": last_remark(correction) if correction.status == Correction.Status.DRAFT else None,
        "needs_second_person": settings.needs_second_person,
        "is_author": correction.author_id == user.id,
        "may_annotate": may_review,
        "may_set_up": may(user, "edit", team_id=correction.team_id),
        "may_approve": _is_approvable(correction, user) and may_approve(correction, user),
    }
    return TemplateResponse(request, "admin/annotations/correction/page.html", context)


@require_POST
def approve(request: HttpRequest, correction_id: UUID) -> HttpResponse:
    """Put it to use, if it is still the text that the person has read."""
    words = _("Approved. What is switched on for the app was made.")
    return _done(
        request, correction_id, words, lambda row, by: services.approve_correction(row, by=by, seen=_seen(request))
    )


@require_POST
def propose(request: HttpRequest, correction_id: UUID) -> HttpResponse:
    """Ask others to approve a draft."""
    words = _("Proposed. Somebody else can approve it now.")
    return _done(request, correction_id, words, lambda row, by: services.propose_correction(row, by=by))


@require_POST
def send_back(request: HttpRequest, correction_id: UUID) -> HttpResponse:
    """Give a proposal back to its author."""
    remark = request.POST.get("remark", "")
    words = _("Sent back to its author.")
    return _done(request, correction_id, words, lambda row, by: services.send_back(row, by=by, remark=remark))


@require_POST
def withdraw(request: HttpRequest, correction_id: UUID) -> HttpResponse:
    """Take everything that came of it out of use."""
    words = _("Withdrawn. Nothing that came of it is used any more.")
    return _done(request, correction_id, words, lambda row, by: services.withdraw_correction(row, by=by))


def opened(request: HttpRequest, correction_id: UUID, *, right: str = "view") -> Correction:
    """The correction, if it is of one's teams and one may do this there. Raises Http404, PermissionDenied."""
    user: Any = request.user
    try:
        correction = open_correction(correction_id, team_ids=teams_of(user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(user, right, team_id=correction.team_id):
        raise PermissionDenied
    return correction


def conversation_url(conversation_id: UUID) -> str:
    """Where a conversation is read, if traces are installed."""
    try:
        return reverse("admin:traces_conversation", args=[conversation_id])
    except NoReverseMatch:
        return ""


def _is_approvable(correction: Correction, user: Any) -> bool:
    """Drafts are their author's; what is approved is."""
    if correction.status == Correction.Status.DRAFT:
        return bool(correction.author_id == user.id)
    return not correction.is_approved


def _seen(request: HttpRequest) -> dt.datetime | None:
    try:
        return parse_datetime(request.POST.get("seen", ""))
    except ValueError:
        return None


def _done(
    request: HttpRequest, correction_id: UUID, words: str, work: Callable[[Correction, Any], Correction]
) -> HttpResponse:
    """Do it, say so, and go back to where the person came from: the page of the answer, or this one."""
    correction = opened(request, correction_id, right="annotate")
    try:
        work(correction, request.user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, words)
    if request.POST.get("from") == "review" and correction.message_id:
        return redirect("admin:annotations_message_review", correction.message_id)
    return redirect("admin:annotations_correction_change", correction.id)
