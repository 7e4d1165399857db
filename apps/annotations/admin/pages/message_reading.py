"""What the review page of an answer shows: its dialogue, what people thought of it, and what became of corrections."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.selectors import may
from apps.annotations import selectors
from apps.annotations.admin.access import trace_url
from apps.annotations.admin.pages.correction import conversation_url
from apps.annotations.admin.product_rows import planned_rows, product_rows
from apps.annotations.models import Correction, CorrectionSettings, Feedback
from apps.annotations.selectors.correction_settings import settings_of
from apps.annotations.selectors.corrections import last_remark, queue_items_of
from apps.annotations.selectors.products import products_of
from apps.workflows.selectors.messages import dialogue
from support.word_diff import diff_words

#: Turns of the conversation that are shown above the one under review.
EARLIER = 20


def review_context(request: HttpRequest, turn: Any) -> dict[str, Any]:
    """Everything the template needs."""
    older, newer = selectors.neighbours(turn)
    return {
        **admin.site.each_context(request),
        "title": _("Review an answer"),
        "turn": turn,
        **_dialogue_of(turn),
        "passages": _passages(turn.metadata),
        "from_annotation": turn.metadata.get("annotation_reply"),
        **_verdicts(turn, request.user),
        **_corrections(turn, request.user),
        "queue_items": queue_items_of(turn.id, team_id=turn.team_id),
        "older": older,
        "newer": newer,
        "trace_url": trace_url(turn.run_id),
        "conversation_url": conversation_url(turn.conversation_id),
        "may_annotate": may(request.user, "annotate", team_id=turn.team_id),
    }


def _dialogue_of(turn: Any) -> dict[str, Any]:
    turns = dialogue(turn.conversation_id)
    place = next(index for index, other in enumerate(turns) if other.id == turn.id)
    return {
        "earlier": turns[max(0, place - EARLIER) : place],
        "hidden_turns": max(0, place - EARLIER),
        "later_turns": len(turns) - place - 1,
    }


def _verdicts(turn: Any, user: Any) -> dict[str, Any]:
    history = selectors.feedback_history(turn.id)
    return {
        "feedback": [row for row in history if row.is_current],
        "past_feedback": [row for row in history if not row.is_current],
        "mine": next((row for row in history if row.is_current and row.user_id == user.id), None),
        "reasons": Feedback.Reason.choices,
    }


def _corrections(turn: Any, user: Any) -> dict[str, Any]:
    rows = selectors.corrections_of(turn.id)
    settings = settings_of(turn.application_id)
    approved = next((row for row in rows if row.is_approved), None)
    mine = next((row for row in rows if row.author_id == user.id and row.status in ("draft", "proposed")), None)
    withdrawn = next((row for row in rows if row.status == Correction.Status.WITHDRAWN), None) if not approved else None
    shown = mine or approved or withdrawn
    return {
        "corrections": rows,
        "approved": approved,
        "approved_pieces": diff_words(approved.original, approved.corrected) if approved else [],
        "approved_products": _products(approved, settings) if approved else [],
        "proposals": [
            {"correction": row, "pieces": diff_words(row.original, row.corrected)}
            for row in rows
            if row.is_proposed and row.author_id != user.id
        ],
        "draft": mine,
        "sent_back": last_remark(mine) if mine and not mine.is_proposed else None,
        "withdrawn": withdrawn if not mine else None,
        "corrected": shown.corrected if shown else turn.answer,
        "pieces": diff_words(turn.answer, shown.corrected) if shown and shown is not approved else [],
        "planned": planned_rows(settings),
        "needs_second_person": settings.needs_second_person,
    }


def _products(correction: Correction, settings: CorrectionSettings) -> list[Any]:
    """What came of it; what is switched off is on the page of the correction."""
    made = products_of([correction.id]).get(correction.id, [])
    return [row for row in product_rows(made, correction=correction, settings=settings) if row.url]


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
