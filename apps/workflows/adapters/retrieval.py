"""The engine's retrieval port over the team's datasets."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import InterfaceError, OperationalError

from apps.datasets.services.retrieve import retrieve
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.ports import Passage, RetrievalRequest
from support.database import in_thread
from support.errors import ConsoleError


class TeamDatasets:
    """Searches the datasets of one team."""

    def __init__(self, team_id: UUID) -> None:
        self._team_id = team_id

    async def retrieve(self, request: RetrievalRequest) -> Sequence[Passage]:
        """The best passages, best first. Raises NodeFailure when a dataset is unknown or the store is away."""
        try:
            found = await in_thread(
                retrieve,
                team_id=self._team_id,
                datasets=list(request.datasets),
                query=request.query,
                method=request.method,
                top_k=request.top_k,
                min_score=request.min_score,
            )
        except ConsoleError as exc:
            retryable = exc.http_status >= 500
            raise NodeFailure(exc.code, exc.message, retryable=retryable, details=exc.details) from exc
        except (OperationalError, InterfaceError) as exc:
            raise NodeFailure("unavailable", "The database does not answer.", retryable=True) from exc
        return [
            Passage(
                chunk_id=str(hit.chunk_id),
                document_id=str(hit.document_id),
                document_name=hit.document_name,
                dataset_id=str(hit.dataset_id),
                dataset_name=hit.dataset_name,
                text=hit.text,
                score=hit.score,
                scores=dict(hit.scores),
                page=hit.page,
                char_start=hit.char_start,
                char_end=hit.char_end,
                heading_path=tuple(hit.heading_path),
                position=hit.position,
            )
            for hit in found
        ]
