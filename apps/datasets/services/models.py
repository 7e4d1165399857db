"""Which embedding models a team may choose for a dataset."""

from __future__ import annotations

from uuid import UUID

from providers.services import list_models


def embedding_model_names(team_id: UUID) -> list[str]:
    """The names of the team's embedding models, those of its providers first."""
    return [model.name for model in list_models(team_id) if model.kind == "embedding"]


def rerank_model_names(team_id: UUID) -> list[str]:
    """The names of the team's rerank models."""
    return [model.name for model in list_models(team_id) if model.kind == "rerank"]
