"""Annotation reply: an approved answer is given instead of running the workflow.

It is on for every chat app that has annotations in use. A document switches it off with `annotation_reply: false`
(or `{enabled: false}`) and says how near a question must be with `annotation_reply: {threshold: 0.92}`. What the team
set on the app's page, or over the API, comes first (`ReplySetting`).
"""

from __future__ import annotations

import logging
from uuid import UUID

from django.contrib.auth import get_user_model

from apps.annotations.selectors.nearest import Match, matching_annotation
from apps.annotations.selectors.reply import ReplyState, reply_state
from apps.annotations.services.embedding import Place, place_question
from apps.annotations.services.moving import move_if_elsewhere
from apps.workflows.hooks import PreparedAnswer, RunInfo
from apps.workflows.selectors.runs import EXPERIMENT
from model_runtime.errors import ModelError
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.database import in_thread
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

REASON = "annotation_reply"
#: A provider that takes longer than this is not worth the wait: then only the same question matches.
PATIENCE = 1.5


async def prepared_answer(run: RunInfo) -> PreparedAnswer | None:
    """The approved answer to the run's question, if there is one. Two queries unless it is found."""
    # An experiment measures what the version answers, not what people approved before.
    if run.source == EXPERIMENT or not run.query.strip():
        return None
    state, model = await in_thread(_opened, run)
    if not state.is_enabled:
        return None
    place = await _place(run, state, model)
    found = await in_thread(_look_up, run, place, state)
    if found is None:
        return None
    match, author = found
    details = {"id": str(match.id), "question": match.question, "score": round(match.score, 4), "author": author}
    return PreparedAnswer(text=match.answer, reason=REASON, details=details)


def _opened(run: RunInfo) -> tuple[ReplyState, EmbeddingModel | None]:
    """What counts now, and the model that places questions (None: it cannot be opened)."""
    state = reply_state(run.application_id, run.features)
    try:
        return state, open_embedding_model(state.model, team_id=run.team_id) if state.is_enabled else None
    except (ModelError, ConsoleError) as exc:
        logger.warning("run %s: %s cannot be opened (%s)", run.run_id, state.model, type(exc).__name__)
        return state, None


async def _place(run: RunInfo, state: ReplyState, model: EmbeddingModel | None) -> Place | None:
    """Where the question is, or None when no model says so in time: the same question is found without it."""
    if model is None:
        return None
    try:
        return await place_question(run.query, model=model, name=state.model, patience=PATIENCE)
    except (ModelError, TimeoutError) as exc:
        logger.warning("run %s: %s did not embed the question (%s)", run.run_id, state.model, type(exc).__name__)
        return None


def _look_up(run: RunInfo, place: Place | None, state: ReplyState) -> tuple[Match, str] | None:
    match = matching_annotation(
        run.application_id,
        run.query,
        vector=place.vector if place else None,
        space=place.space if place else "",
        slot=state.slot,
        threshold=state.threshold,
    )
    if place is not None:
        move_if_elsewhere(run.application_id, run.team_id, space=place.space)
    return None if match is None else (match, _name_of(match.created_by_id))


def _name_of(user_id: UUID | None) -> str:
    user = get_user_model().objects.filter(id=user_id).first() if user_id else None
    return (user.get_full_name() or user.get_username()) if user else ""
