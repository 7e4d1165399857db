"""The review page of one answer: read the dialogue, rate the answer, write a better one, put it to use."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may, teams_of
from apps.annotations import selectors, services
from apps.annotations.admin.pages.message_reading import review_context
from apps.annotations.models import Correction, Feedback
from apps.annotations.workbench.answers import MAX_TEXT
from support.errors import ConsoleError, NotFound
from support.word_diff import diff_stats, diff_words


@require_safe
def message_review(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """The page."""
    turn = _open(request, message_id)
    return TemplateResponse(request, "admin/annotations/message_review.html", review_context(request, turn))


@require_POST
def rate(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Thumbs up or down, with a reason; an empty rating takes the verdict back."""
    turn = _open(request, message_id, right="annotate")
    person: dict[str, Any] = {"source": Feedback.Source.ADMIN, "user": request.user}
    if not request.POST.get("rating"):
        services.withdraw_feedback(turn, **person)
    else:
        words: dict[str, Any] = {name: request.POST.get(name, "") for name in ("rating", "reason", "text")}
        try:
            services.record_feedback(turn, **words, **person)
        except ConsoleError as exc:
            messages.error(request, str(exc))
    return _back(message_id)


@require_POST
def correct(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Keep the correction as a draft, propose it, or approve it."""
    _open(request, message_id, right="annotate")
    user: Any = request.user
    approve, propose = "_approve" in request.POST, "_propose" in request.POST
    corrected = request.POST.get("corrected", "").replace("\r\n", "\n")
    try:
        made = services.correct_answer(message_id, corrected, by=user, approve=approve, propose=propose)
    except ConsoleError as exc:
        turn = _open(request, message_id)
        context = {
            **review_context(request, turn),
            "corrected": corrected,
            "pieces": diff_words(turn.answer, corrected[:MAX_TEXT]),
            "correction_error": str(exc),
        }
        return TemplateResponse(request, "admin/annotations/message_review.html", context, status=exc.http_status)
    words = {
        Correction.Status.APPROVED: _("Approved. What is switched on for the app was made."),
        Correction.Status.PROPOSED: _("Proposed. Somebody else can approve it now."),
    }
    messages.success(request, words.get(Correction.Status(made.status), _("Draft saved.")))
    return _back(message_id)


@require_POST
def show_diff(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """What the text in the editor changes, for the live view."""
    turn = _open(request, message_id)
    corrected = request.POST.get("corrected", "").replace("\r\n", "\n")[:MAX_TEXT]
    pieces = diff_words(turn.answer, corrected)
    return JsonResponse({"pieces": [[piece.kind, piece.text] for piece in pieces], "stats": diff_stats(pieces)})


def _open(request: HttpRequest, message_id: UUID, *, right: str = "view") -> Any:
    """The message, if it is of one's team and one may do this there. Raises Http404, PermissionDenied."""
    user: Any = request.user
    try:
        turn = selectors.open_turn(message_id, team_ids=teams_of(user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(user, right, team_id=turn.team_id):
        raise PermissionDenied
    return turn


def _back(message_id: UUID) -> HttpResponseRedirect:
    return redirect("admin:annotations_message_review", message_id)
