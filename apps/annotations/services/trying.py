"""Tries a question out: which annotations are looked at for it, which one would answer, and why others would not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asgiref.sync import async_to_sync

from apps.annotations.selectors.nearest import CANDIDATES, Match, nearest_annotations
from apps.annotations.selectors.reply import ReplyState, published_features, reply_state
from apps.annotations.services.embedding import Place, place_question
from apps.annotations.text.questions import may_mean_the_same
from model_runtime.errors import ModelError
from providers.services import open_embedding_model
from support.errors import ConsoleError

PATIENCE = 5.0


class Why(StrEnum):
    """What became of an annotation that was looked at."""

    SAME = "same"
    NEAR = "near"
    FAR = "far"
    OTHER_FACTS = "other_facts"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An annotation that was looked at, nearest first."""

    match: Match
    why: Why

    @property
    def answers(self) -> bool:
        """Whether its answer would be given."""
        return self.why in (Why.SAME, Why.NEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a question would come to. `is_placed`: whether its meaning could be looked at."""

    state: ReplyState
    looked: tuple[Looked, ...]
    is_placed: bool


def try_question(application: Any, question: str) -> Trial:
    """Look for an answer as a chat turn of the published version does, and tell of all that was looked at."""
    state = reply_state(application.id, published_features(application.id))
    place = _place(application, question, state)
    found = nearest_annotations(
        application.id,
        question,
        vector=place.vector if place else None,
        space=place.space if place else "",
        slot=state.slot,
        limit=CANDIDATES,
    )
    looked: list[Looked] = []
    known = set()
    for match in found:
        if match.id not in known:
            known.add(match.id)
            decided = any(each.answers for each in looked)
            looked.append(Looked(match=match, why=_why(match, question, state, decided=decided)))
    return Trial(state=state, looked=tuple(looked), is_placed=place is not None)


def _why(match: Match, question: str, state: ReplyState, *, decided: bool) -> Why:
    if match.exact:
        return Why.SAME
    if match.score < state.threshold:
        return Why.FAR
    if not may_mean_the_same(question, match.question):
        return Why.OTHER_FACTS
    return Why.LATER if decided else Why.NEAR


def _place(application: Any, question: str, state: ReplyState) -> Place | None:
    try:
        model = open_embedding_model(state.model, team_id=application.team_id)
        return async_to_sync(place_question)(question, model=model, name=state.model, patience=PATIENCE)
    except (ModelError, ConsoleError, TimeoutError):
        return None
