"""Which models and stores a team may choose for a dataset."""

from __future__ import annotations

from uuid import UUID

from apps.datasets.vectorstores.registry import configured_stores
from providers.services import list_models


def embedding_model_names(team_id: UUID) -> list[str]:
    """The names of the team's embedding models, those of its providers first."""
    return [model.name for model in list_models(team_id) if model.kind == "embedding"]


def rerank_model_names(team_id: UUID) -> list[str]:
    """The names of the team's rerank models."""
    return [model.name for model in list_models(team_id) if model.kind == "rerank"]


def chat_model_names(team_id: UUID) -> list[str]:
    """The names of the team's chat models, for what a model is asked while documents are indexed."""
    return [model.name for model in list_models(team_id) if model.kind == "chat"]


def store_names() -> list[str]:
    """The vector stores that a dataset may be kept in, that of the installation first."""
    return configured_stores()
