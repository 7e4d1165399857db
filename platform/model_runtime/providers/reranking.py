"""Reranking over HTTP in the shape of Cohere and Jina, which most servers of rerankers speak."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from model_runtime.errors import InvalidModelReply
from model_runtime.transport import Endpoint, post


class HttpReranker:
    """A RerankModel behind `POST {base_url}/rerank`."""

    def __init__(self, endpoint: Endpoint, *, model: str) -> None:
        self._endpoint = endpoint
        self._model = model

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self._endpoint.provider}/{self._model}"

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers, 0 to 1, in the order of the texts. Raises ModelError."""
        if not texts:
            return []
        payload: dict[str, Any] = {
            "model": self._model,
            "query": query,
            # Some servers refuse an empty text.
            "documents": [text or " " for text in texts],
            "top_n": len(texts),
            "return_documents": False,
        }
        async with post(self._endpoint, "rerank", payload) as reply:
            body = await reply.json()
        return read_scores(body, provider=self.name, count=len(texts))


def read_scores(body: Any, *, provider: str, count: int) -> list[float]:
    """One score for each text; 0 for one that the server left out.

    A server that gives raw numbers instead of 0..1 has them squeezed through the logistic function, which keeps the
    order and makes a threshold mean something.
    """
    items = (body.get("results") or body.get("data")) if isinstance(body, Mapping) else body
    if not isinstance(items, list) or not items:
        raise InvalidModelReply(f"{provider} sent no scores.")
    found: dict[int, float] = {}
    for item in items:
        index = item.get("index") if isinstance(item, Mapping) else None
        score = _finite(item.get("relevance_score", item.get("score"))) if isinstance(item, Mapping) else None
        if not isinstance(index, int) or not 0 <= index < count or score is None:
            raise InvalidModelReply(f"{provider} sent a score that cannot be read.")
        found[index] = score
    if any(not 0 <= score <= 1 for score in found.values()):
        found = {index: _logistic(score) for index, score in found.items()}
    return [found.get(index, 0.0) for index in range(count)]


def _finite(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, score))))
