"""The review page of one answer: read the dialogue, rate the answer, write a better one, put it to use."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may, teams_of
from apps.annotations import selectors, services
from apps.annotations.admin.access import trace_url
from apps.annotations.models import Feedback
from apps.annotations.services.annotations import MAX_ANSWER
from apps.workflows.selectors.messages import dialogue
from support.errors import ConsoleError, NotFound
from support.word_diff import diff_stats, diff_words

#: Turns of the conversation that are shown above the one under review.
EARLIER = 20


@require_safe
def message_review(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """The page."""
    turn = _open(request, message_id)
    return TemplateResponse(request, "admin/annotations/message_review.html", _context(request, turn))


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
    """Keep the correction as a draft, or approve it."""
    _open(request, message_id, right="annotate")
    approve = "_approve" in request.POST
    corrected = request.POST.get("corrected", "").replace("\r\n", "\n")
    try:
        services.correct_answer(message_id, corrected, by=request.user, approve=approve)  # type: ignore[arg-type]
    except ConsoleError as exc:
        turn = _open(request, message_id)
        context = {
            **_context(request, turn),
            "corrected": corrected,
            "pieces": diff_words(turn.answer, corrected[:MAX_ANSWER]),
            "correction_error": str(exc),
        }
        return TemplateResponse(request, "admin/annotations/message_review.html", context, status=exc.http_status)
    messages.success(
        request,
        _("Approved. From now on this question is answered with your text.") if approve else _("Draft saved."),
    )
    return _back(message_id)


@require_POST
def withdraw(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Take the approved correction of the message out of use."""
    turn = _open(request, message_id, right="annotate")
    correction = selectors.approved_correction(turn.id)
    if correction is not None:
        services.withdraw_correction(correction, by=request.user)  # type: ignore[arg-type]
        messages.success(request, _("Withdrawn. The app answers this question by itself again."))
    return _back(message_id)


@require_POST
def show_diff(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """What the text in the editor changes, for the live view."""
    turn = _open(request, message_id)
    corrected = request.POST.get("corrected", "").replace("\r\n", "\n")[:MAX_ANSWER]
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


def _context(request: HttpRequest, turn: Any) -> dict[str, Any]:
    user: Any = request.user
    history = selectors.feedback_history(turn.id)
    corrections = selectors.corrections_of(turn.id)
    approved = next((row for row in corrections if row.is_approved), None)
    draft = next((row for row in corrections if row.status == "draft" and row.author_id == user.id), None)
    older, newer = selectors.neighbours(turn)
    turns = dialogue(turn.conversation_id)
    place = next(index for index, other in enumerate(turns) if other.id == turn.id)
    withdrawn = next((row for row in corrections if row.status == "withdrawn"), None) if not approved else None
    shown = draft or approved or withdrawn
    return {
        **admin.site.each_context(request),
        "title": _("Review an answer"),
        "turn": turn,
        "earlier": turns[max(0, place - EARLIER) : place],
        "hidden_turns": max(0, place - EARLIER),
        "later_turns": len(turns) - place - 1,
        "passages": _passages(turn.metadata),
        "from_annotation": turn.metadata.get("annotation_reply"),
        "feedback": [row for row in history if row.is_current],
        "past_feedback": [row for row in history if not row.is_current],
        "mine": next((row for row in history if row.is_current and row.user_id == user.id), None),
        "reasons": Feedback.Reason.choices,
        "corrections": corrections,
        "approved": approved,
        "draft": draft,
        "approved_pieces": diff_words(approved.original, approved.corrected) if approved else [],
        "corrected": shown.corrected if shown else turn.answer,
        "withdrawn": withdrawn if not draft else None,
        "pieces": diff_words(turn.answer, shown.corrected) if shown and shown is not approved else [],
        "older": older,
        "newer": newer,
        "trace_url": trace_url(turn.run_id),
        "may_annotate": may(user, "annotate", team_id=turn.team_id),
    }


def _passages(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """What the answer was made of, as it was noted then; older notes may lack some of it."""
    return [
        {
            "position": passage.get("position") or place,
            "name": passage.get("document_name") or _("Untitled"),
            "text": passage.get("content") or "",
            "page": passage.get("page"),
            "score": passage.get("score"),
        }
        for place, passage in enumerate(metadata.get("retriever_resources") or [], start=1)
    ]


def _back(message_id: UUID) -> HttpResponseRedirect:
    return redirect("admin:annotations_message_review", message_id)
