"""Calling an embedding model: what is cached is not asked for, the pace is kept, and what is refused is found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from asgiref.sync import async_to_sync

from apps.datasets.services.cutting import token_count
from apps.datasets.services.throttle import close_for, take
from apps.datasets.services.vector_cache import find_vectors, save_vectors
from model_runtime.errors import BadModelRequest, ContextTooLong, RateLimited
from model_runtime.protocols import EmbeddingModel
from model_runtime.types import CallLimits
from support.errors import Busy

CALL = 64
"""Texts per call to a provider."""
CALL_TOKENS = 64_000
SHORT_WAIT = 2.0
"""Seconds that a worker sleeps for; for a longer pause it takes other work."""


class Throttled(Busy):
    """Our own pace for this provider: not a failure, only a later."""

    code: ClassVar[str] = "provider_throttled"
    retryable: ClassVar[bool] = True

    def __init__(self, *, seconds: float) -> None:
        super().__init__(f"The provider's limit of calls is used up for {seconds:.0f} seconds.", retry_after=seconds)
        self.retry_after = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """One vector for each text, None where the model refuses the text even alone; `called` counts those it was sent."""

    vectors: list[list[float] | None]
    called: int


def vectors_for(texts: Sequence[str], *, model: EmbeddingModel, team_id: UUID) -> Vectors:
    """The vectors of texts, from the cache or the model. Raises ModelError and Throttled.

    Equal texts are sent once. What a call brought is kept even when the next one fails.
    """
    known: dict[str, list[float] | None] = dict(find_vectors(texts, space=model.space, dim=model.dim, team_id=team_id))
    missing = sorted({text for text in texts if text not in known}, key=len)
    for batch in _batches(missing, model):
        answered = _call(batch, model)
        known |= answered
        kept = {text: vector for text, vector in answered.items() if vector is not None}
        save_vectors(kept, space=model.space, team_id=team_id)
    return Vectors(vectors=[known[text] for text in texts], called=len(missing))


def _batches(texts: Sequence[str], model: EmbeddingModel) -> Iterator[list[str]]:
    """Short texts go together with short ones: a provider pads each call to its longest."""
    count, tokens = token_count(model), 0.0
    batch: list[str] = []
    for text in texts:
        cost = count(text)
        if batch and (len(batch) == CALL or tokens + cost > CALL_TOKENS):
            yield batch
            batch, tokens = [], 0.0
        batch.append(text)
        tokens += cost
    if batch:
        yield batch


def _call(texts: list[str], model: EmbeddingModel) -> dict[str, list[float] | None]:
    """One call; when the model finds the request too large, halve it down to the text that is to blame."""
    _wait_for_turn(texts, model)
    try:
        vectors = async_to_sync(model.embed)(texts)
    except (BadModelRequest, ContextTooLong):
        if len(texts) == 1:
            return {texts[0]: None}
        middle = len(texts) // 2
        return _call(texts[:middle], model) | _call(texts[middle:], model)
    except RateLimited as exc:
        limits = limits_of(model)
        if limits is not None and exc.retry_after:
            close_for(limits, seconds=exc.retry_after)
        raise
    return {text: vector if any(vector) else None for text, vector in zip(texts, vectors, strict=True)}


def limits_of(model: EmbeddingModel) -> CallLimits | None:
    """How often the model may be called; None for one that runs here."""
    limits = getattr(model, "limits", None)
    return limits if isinstance(limits, CallLimits) else None


def _wait_for_turn(texts: Sequence[str], model: EmbeddingModel) -> None:
    limits = limits_of(model)
    if limits is None:
        return
    tokens = sum(map(token_count(model), texts))
    until = time.monotonic() + SHORT_WAIT
    while seconds := take(limits, tokens=tokens):
        if time.monotonic() + seconds > until:
            raise Throttled(seconds=seconds)
        time.sleep(seconds)
