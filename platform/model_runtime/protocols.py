"""What the rest of the product may ask of a model: three small protocols."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol, runtime_checkable

from model_runtime.types import PLAIN, Chunk, Message, ModelParameters, Wish


@runtime_checkable
class ChatModel(Protocol):
    """Answers a conversation, piece by piece."""

    @property
    def name(self) -> str:
        """What to show and record, for example `openai/gpt-4o-mini`."""

    @property
    def provider(self) -> str:
        """Who serves it, for example `openai`."""

    def stream(
        self, messages: Sequence[Message], *, parameters: ModelParameters, wish: Wish = PLAIN
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the answer; the last chunk carries finish reason and usage. Raises ModelError.

        It is an async generator: whoever may leave early wraps it in `contextlib.aclosing`, which closes the
        connection to the provider at once.
        """


@runtime_checkable
class EmbeddingModel(Protocol):
    """Turns texts into vectors of one space; vectors of two spaces are never compared."""

    @property
    def name(self) -> str:
        """What to show and record."""

    @property
    def space(self) -> str:
        """Identity of the vector space: provider, model, version and dimension."""

    @property
    def dim(self) -> int:
        """Length of every vector."""

    @property
    def max_tokens(self) -> int:
        """Longest text, in tokens, that is embedded whole."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in the same order. Raises ModelError."""

    async def embed_query(self, text: str) -> list[float]:
        """The vector to search with; some models treat questions differently from passages."""


@runtime_checkable
class RerankModel(Protocol):
    """Reads a question beside each passage and says how well the passage answers it."""

    @property
    def name(self) -> str:
        """What to show and record."""

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers, 0 to 1, in the order of the texts. Raises ModelError."""
