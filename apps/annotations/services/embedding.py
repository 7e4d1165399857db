"""Places questions in a vector space, and moves an app's whole store when its space changes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db.models import Q

from apps.annotations.models import Annotation, FewShotExample
from apps.annotations.models.searchable import SearchableAnswer
from model_runtime.errors import ModelError
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model
from support.jobs import enqueue_on_commit

logger = logging.getLogger(__name__)

#: Built in, local and instant; a document may name another one in `features.annotation_reply.embedding_model`.
DEFAULT_MODEL = "hashing"
#: Saving an answer never waits longer than this for a provider; a task embeds it later.
PATIENCE = 5.0
BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a question is in which space."""

    model: str
    space: str
    vector: list[float]


def model_name(features: dict[str, Any]) -> str:
    """The embedding model that a document's features name for annotations, or the built-in one."""
    setting = features.get("annotation_reply")
    named = setting.get("embedding_model") if isinstance(setting, dict) else None
    return str(named or DEFAULT_MODEL)


async def place_question(question: str, *, model: EmbeddingModel, name: str, patience: float) -> Place:
    """Embed one question. Raises ModelError or TimeoutError."""
    async with asyncio.timeout(patience):
        vector = await model.embed_query(question)
    return Place(model=name, space=model.space, vector=list(vector))


def embed_into(*rows: SearchableAnswer) -> None:
    """Embed the question that the rows (of one app, not saved yet) share. If no model answers, a task does it later.

    The model is the one that the app's stored answers already use.
    """
    first = rows[0]
    name = _model_in_use(first.application_id)
    try:
        model = open_embedding_model(name, team_id=first.team_id)
        place = async_to_sync(place_question)(first.question, model=model, name=name, patience=PATIENCE)
    except (ModelError, TimeoutError) as exc:
        logger.warning("a question could not be embedded with %s and will be later: %s", name, type(exc).__name__)
        for row in rows:
            row.embedding_model, row.embedding_space, row.embedding = name, "", None
        enqueue_on_commit("annotations.reembed", str(first.application_id), name, countdown=30)
        return
    for row in rows:
        row.embedding_model, row.embedding_space, row.embedding = place.model, place.space, place.vector


def reembed(application_id: UUID, *, model: str) -> int:
    """Move the app's annotations and examples into the model's space; returns how many were moved.

    Rows already there are left alone, so that a repeated or interrupted task goes on where it stopped.
    """
    moved = 0
    for kind in (Annotation, FewShotExample):
        rows: Any = kind._default_manager.filter(application_id=application_id)
        team_id = rows.values_list("team_id", flat=True).first()
        if team_id is not None:
            moved += _reembed_rows(rows, model=open_embedding_model(model, team_id=team_id), name=model)
    return moved


def _reembed_rows(rows: Any, *, model: EmbeddingModel, name: str) -> int:
    moved = 0
    elsewhere = rows.filter(~Q(embedding_space=model.space) | Q(embedding=None)).order_by("id")
    while batch := list(elsewhere.only("id", "question")[:BATCH]):
        vectors = async_to_sync(_embed_queries)(model, [row.question for row in batch])
        for row, vector in zip(batch, vectors, strict=True):
            # Only while the question is still the one that was embedded.
            rows.filter(id=row.id, question=row.question).update(
                embedding=vector, embedding_space=model.space, embedding_model=name
            )
        moved += len(batch)
    return moved


async def _embed_queries(model: EmbeddingModel, questions: list[str]) -> list[list[float]]:
    """Questions are compared with questions, so they are all embedded as such."""
    return [await model.embed_query(question) for question in questions]


def _model_in_use(application_id: UUID) -> str:
    newest = Annotation.objects.filter(application_id=application_id).exclude(embedding_model="")
    return newest.order_by("-id").values_list("embedding_model", flat=True).first() or DEFAULT_MODEL
