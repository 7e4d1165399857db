"""Places questions in a vector space: one that is asked, those of answers that are saved, those of a whole store."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from asgiref.sync import async_to_sync

from apps.annotations.models import ReplySetting
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.selectors.reply import SLOTS, published_features, state_of
from apps.annotations.services.moving import embed_later
from model_runtime.errors import ModelError
from model_runtime.protocols import EmbeddingModel
from providers.services import open_embedding_model

logger = logging.getLogger(__name__)

#: Saving an answer never waits longer than this for a provider; a job embeds it later.
PATIENCE = 5.0
#: The columns that `embed_into` sets.
EMBEDDED = ("embedding_model", *(column for slot in SLOTS for column in slot))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a question is in which space."""

    model: str
    space: str
    vector: list[float]


async def place_question(question: str, *, model: EmbeddingModel, name: str, patience: float) -> Place:
    """Embed one question. Raises ModelError or TimeoutError."""
    async with asyncio.timeout(patience):
        vector = await model.embed_query(question)
    return Place(model=name, space=model.space, vector=list(vector))


def embed_into(*rows: SearchableAnswer) -> None:
    """Embed the question that the rows (of one app, not saved yet) share. If no model answers, a job does it later.

    The model is the one that the app's stored answers already use. Inside a transaction.
    """
    first = rows[0]
    setting = setting_of(first)
    forget_vectors(*rows, model=setting.model)
    try:
        model = open_embedding_model(setting.model, team_id=first.team_id)
        place = async_to_sync(place_question)(first.question, model=model, name=setting.model, patience=PATIENCE)
    except (ModelError, TimeoutError) as exc:
        logger.warning("a question was not embedded with %s and will be later: %s", setting.model, type(exc).__name__)
        embed_later(setting, countdown=30)
        return
    space, vector = SLOTS[setting.slot]
    for row in rows:
        setattr(row, space, place.space)
        setattr(row, vector, place.vector)


def forget_vectors(*rows: SearchableAnswer, model: str) -> None:
    """Take the vectors of a question that is no longer asked from the rows, in both slots."""
    for row in rows:
        row.embedding_model, row.embedding_space, row.embedding = model, "", None
        row.second_space, row.second_embedding = "", None


def setting_of(row: SearchableAnswer) -> ReplySetting:
    """Where the answers of the row's app are; written down when its first one comes."""
    found = ReplySetting.objects.filter(application_id=row.application_id).first()
    if found is not None and found.model:
        return found
    state = state_of(found, published_features(row.application_id))
    newest = type(row)._default_manager.filter(application_id=row.application_id).exclude(embedding_model="")
    model = newest.order_by("-id").values_list("embedding_model", flat=True).first() or state.model
    setting, _is_new = ReplySetting.objects.get_or_create(
        application_id=row.application_id, defaults={"team_id": row.team_id, "model": model}
    )
    if not setting.model:
        setting.model = model
        setting.save(update_fields=["model"])
    return setting
