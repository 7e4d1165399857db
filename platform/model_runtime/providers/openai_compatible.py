"""Chat and embeddings over the OpenAI-compatible protocol, which most providers and local servers speak."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from model_runtime.errors import (
    BadModelRequest,
    ModelError,
    ModelRefused,
    ProviderUnavailable,
    StreamInterrupted,
)
from model_runtime.providers.openai_wire import Answer, Piece, chat_payload, read_vectors, without_rejected
from model_runtime.tokens import estimate_usage
from model_runtime.transport import Endpoint, Reply, post
from model_runtime.types import PLAIN, CallLimits, Chunk, Message, ModelParameters, Wish


class OpenAICompatibleChat:
    """A ChatModel behind `POST {base_url}/chat/completions`."""

    def __init__(self, endpoint: Endpoint, *, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._rejected: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self._endpoint.provider}/{self._model}"

    @property
    def provider(self) -> str:
        """The name of the credential or of the operator's entry."""
        return self._endpoint.provider

    async def stream(
        self, messages: Sequence[Message], *, parameters: ModelParameters, wish: Wish = PLAIN
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the answer as it arrives. Raises ModelError, with `partial_text` when some had arrived."""
        answer = Answer(provider=self._endpoint.provider)
        try:
            async with aclosing(self._attempts(messages, parameters, wish, answer)) as pieces:
                async for piece in pieces:
                    yield Chunk(text=piece.text, reasoning=piece.reasoning)
        except ModelError as exc:
            exc.partial_text = answer.text
            if answer.text and isinstance(exc, ProviderUnavailable) and "status" not in exc.details:
                # The connection was lost in mid-answer.
                raise StreamInterrupted(exc.message, partial_text=answer.text, **exc.details) from exc
            raise
        if answer.finish_reason == "content_filter" and not answer.text:
            raise ModelRefused(f"{self.name}: the provider's content filter blocked the answer.")
        if answer.refusal and not answer.text:
            raise ModelRefused(f"{self.name} declined: {answer.refusal[:300]}")
        usage = answer.usage or estimate_usage(messages, answer.text)
        yield Chunk(tool_calls=answer.tool_calls, finish_reason=answer.finish_reason or "stop", usage=usage)

    async def _attempts(
        self, messages: Sequence[Message], parameters: ModelParameters, wish: Wish, answer: Answer
    ) -> AsyncGenerator[Piece, None]:
        """One request; again when the server rejects an optional field that we can do without."""
        while True:
            payload = chat_payload(self._model, messages, parameters, wish=wish, rejected=self._rejected)
            try:
                async with (
                    post(self._endpoint, "chat/completions", payload) as reply,
                    aclosing(_pieces(reply, answer)) as pieces,
                ):
                    async for piece in pieces:
                        yield piece
                return
            except BadModelRequest as exc:
                rejected = without_rejected(self._rejected, payload, exc)
                if answer.text or rejected == self._rejected:
                    raise
                self._rejected = rejected


async def _pieces(reply: Reply, answer: Answer) -> AsyncGenerator[Piece, None]:
    if not reply.is_event_stream:
        # Some gateways ignore `stream` and send the whole completion at once.
        if (piece := answer.take_completion(await reply.json())) != _NOTHING:
            yield piece
        return
    async with aclosing(reply.events()) as events:
        async for event in events:
            if event.data.strip() == "[DONE]":
                return
            if (piece := answer.take_chunk(reply.parse(event.data))) != _NOTHING:
                yield piece
    if answer.finish_reason is None:
        raise StreamInterrupted(f"{answer.provider} ended the stream before the answer was complete.")


_NOTHING = Piece()


class OpenAICompatibleEmbeddings:
    """An EmbeddingModel behind `POST {base_url}/embeddings`."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str,
        dim: int,
        max_tokens: int = 8192,
        batch_size: int = 64,
        send_dimensions: bool = False,
        limits: CallLimits | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._model = model
        self.limits = limits
        self.dim = dim
        self.max_tokens = max_tokens
        self._batch_size = batch_size
        self._send_dimensions = send_dimensions

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self._endpoint.provider}/{self._model}"

    @property
    def space(self) -> str:
        """Provider, model, protocol version and dimension."""
        return f"{self.name}/v1/{self.dim}"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in order, asked for in batches."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self._batch_size):
            vectors += await self._embed_batch(list(texts[start : start + self._batch_size]))
        return vectors

    async def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        return (await self.embed([text]))[0]

    async def _embed_batch(self, texts: list[str]) -> list[list[float]]:
        # Providers reject an empty string; a space means the same and keeps the positions.
        payload: dict[str, Any] = {
            "model": self._model,
            "input": [text or " " for text in texts],
            "encoding_format": "float",
        }
        if self._send_dimensions:
            payload["dimensions"] = self.dim
        async with post(self._endpoint, "embeddings", payload) as reply:
            body = await reply.json()
        return read_vectors(body, provider=self.name, count=len(texts), dim=self.dim)
