"""The engine's retrieval port over the team's datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from django.db import InterfaceError, OperationalError

from apps.datasets.services.queries import log_query
from apps.datasets.services.retrieve import RetrievedPassage, Search, asearch
from apps.datasets.settings_of_dataset import RerankSettings
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.ports import Passage, RetrievalRequest, Retrieved
from support.database import in_thread
from support.errors import ConsoleError


class TeamDatasets:
    """Searches the datasets of one team."""

    def __init__(self, team_id: UUID) -> None:
        self._team_id = team_id

    async def retrieve(self, request: RetrievalRequest) -> Retrieved:
        """The best passages, best first. Raises NodeFailure when a dataset is unknown or the store is away."""
        try:
            found = await asearch(self._asked(request))
            await in_thread(log_query, found, query=request.query, team_id=self._team_id, source="app")
        except ConsoleError as exc:
            retryable = exc.http_status >= 500
            raise NodeFailure(exc.code, exc.message, retryable=retryable, details=exc.details) from exc
        except (OperationalError, InterfaceError) as exc:
            raise NodeFailure("unavailable", "The database does not answer.", retryable=True) from exc
        return Retrieved(
            passages=[_passage(hit) for hit in found.passages],
            method=found.method,
            notes=[{"code": note.code, "message": note.message} for note in found.notes],
            filters=found.filter,
            reranked=found.reranked,
        )

    def _asked(self, request: RetrievalRequest) -> Search:
        return Search(
            team_id=self._team_id,
            datasets=list(request.datasets),
            query=request.query,
            method=request.method,
            top_k=request.top_k,
            min_score=request.min_score,
            weight=request.lexical_weight,
            fusion=request.fusion,
            rerank=_rerank(request.rerank),
            filter=request.filters,
            filter_model=None if request.filter_model is None else _model_name(request.filter_model),
            token_budget=request.token_budget,
        )


def _rerank(given: Mapping[str, Any] | bool | None) -> RerankSettings | Literal["default", "off"]:
    if isinstance(given, Mapping):
        return RerankSettings(**given)
    return "off" if given is False else "default"


def _model_name(name: str) -> str:
    # What documents write for "whatever this team's first provider offers".
    return "" if name == "default" else name


def _passage(hit: RetrievedPassage) -> Passage:
    return Passage(
        chunk_id=hit.chunk_id,
        document_id=hit.document_id,
        document_name=hit.document_name,
        dataset_id=hit.dataset_id,
        dataset_name=hit.dataset_name,
        text=hit.text,
        score=hit.score,
        scores=dict(hit.scores),
        page=hit.page,
        char_start=hit.char_start,
        char_end=hit.char_end,
        heading_path=tuple(hit.heading_path),
        position=hit.position,
        url=hit.url,
        is_external=hit.is_external,
    )
