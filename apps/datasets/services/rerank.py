"""Ordering the best candidates anew with a model that reads the question beside each of them.

It may fail or be late: then the order before it stands, and a note says so. A search never fails for its reranker.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _

from apps.datasets.selectors.candidates import Candidate
from apps.datasets.services.waiting import Steps
from apps.datasets.settings_of_dataset import RerankSettings
from apps.datasets.text.chunk import text_with_headings
from providers.services import open_rerank_model
from support.errors import ConsoleError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that did not go as it was asked for, for the reader of a search's result."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranked:
    """A score from 0 to 1 for each candidate that was looked at; none where the model failed, and then a note."""

    scores: Mapping[UUID, float]
    note: Note | None = None


def rerank(settings: RerankSettings, *, team_id: UUID, query: str, best: Sequence[Candidate]) -> Steps[Reranked]:
    """Ask the model about the first `settings.candidates` of `best`. Never raises."""
    looked_at = list(best[: settings.candidates])
    texts = [_read_by_model(each) for each in looked_at]
    try:
        model = open_rerank_model(settings.model, team_id=team_id, timeout=settings.timeout)
        scores = yield partial(model.rerank, query, texts)
    except ConsoleError as exc:
        logger.warning("reranking with %s failed: %s", settings.model, exc.code)
        message = _("Reranking failed, so the order is the one before it: %(reason)s") % {"reason": exc.message}
        return Reranked(scores={}, note=Note(code="rerank_failed", message=message))
    return Reranked(scores={each.id: score for each, score in zip(looked_at, scores, strict=True)})


def _read_by_model(candidate: Candidate) -> str:
    if candidate.answer:
        return f"{candidate.text}\n{candidate.answer}"
    return text_with_headings(candidate.text, candidate.heading_path)
