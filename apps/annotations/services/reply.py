"""Annotation reply: an approved answer is given instead of running the workflow.

It is on for every chat app that has annotations in use. A document switches it off with `annotation_reply: false`
(or `{enabled: false}`) and says how near a question must be with `annotation_reply: {threshold: 0.92}`.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from apps.annotations.selectors.nearest import Match, matching_annotation
from apps.annotations.services.embedding import Place, model_name, place_question
from apps.annotations.services.moving import move_if_elsewhere
from apps.workflows.hooks import PreparedAnswer, RunInfo
from model_runtime.errors import ModelError
from providers.services import open_embedding_model
from support.database import in_thread

logger = logging.getLogger(__name__)

REASON = "annotation_reply"
DEFAULT_THRESHOLD = 0.92
#: A provider that takes longer than this is not worth the wait: then only the same question matches.
PATIENCE = 1.5


async def prepared_answer(run: RunInfo) -> PreparedAnswer | None:
    """The approved answer to the run's question, if there is one. One query unless it is found."""
    setting = run.features.get("annotation_reply", {})
    if not run.query.strip() or is_switched_off(setting):
        return None
    place = await _place(run)
    found = await in_thread(_look_up, run, place, threshold_of(setting))
    if found is None:
        return None
    match, author = found
    details = {"id": str(match.id), "question": match.question, "score": round(match.score, 4), "author": author}
    return PreparedAnswer(text=match.answer, reason=REASON, details=details)


def is_switched_off(setting: Any) -> bool:
    """Whether a document's `annotation_reply` feature says no."""
    return setting is False or (isinstance(setting, dict) and setting.get("enabled") is False)


def threshold_of(setting: Any) -> float:
    """The cosine that a document demands (0.92 where it says nothing usable)."""
    value = setting.get("threshold") if isinstance(setting, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else DEFAULT_THRESHOLD


async def _place(run: RunInfo) -> Place | None:
    """Where the question is, or None when no model says so in time: the same question is found without it."""
    name = model_name(run.features)
    try:
        model = await in_thread(open_embedding_model, name, team_id=run.team_id)
        return await place_question(run.query, model=model, name=name, patience=PATIENCE)
    except (ModelError, TimeoutError) as exc:
        logger.warning("run %s: %s did not embed the question (%s)", run.run_id, name, type(exc).__name__)
        return None


def _look_up(run: RunInfo, place: Place | None, threshold: float) -> tuple[Match, str] | None:
    match = matching_annotation(
        run.application_id,
        run.query,
        vector=place.vector if place else None,
        space=place.space if place else "",
        threshold=threshold,
    )
    if place is not None:
        move_if_elsewhere(run.application_id, place)
    return None if match is None else (match, _name_of(match.created_by_id))


def _name_of(user_id: UUID | None) -> str:
    user = get_user_model().objects.filter(id=user_id).first() if user_id else None
    return (user.get_full_name() or user.get_username()) if user else ""
