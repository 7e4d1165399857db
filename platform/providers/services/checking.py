"""Trying a credential out: one very small call to each kind of model it lists."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from asgiref.sync import async_to_sync

from model_runtime.protocols import ChatModel, EmbeddingModel
from model_runtime.providers.openai_compatible import OpenAICompatibleChat
from model_runtime.providers.reranking import HttpReranker
from model_runtime.transport import Timeouts
from model_runtime.types import Message, ModelParameters
from providers.models import ProviderCredential
from providers.selectors import FALLBACK_CHAT_MODEL, source_of
from providers.services import opening

_PATIENCE = Timeouts(connect=5, read=20, total=20)


def check_credential(credential: ProviderCredential) -> list[str]:
    """Call the provider for real and return the models that answered. Raises ModelError with the reason."""
    source = source_of(credential)
    endpoint = replace(opening.endpoint_of(source), timeouts=_PATIENCE)
    answered: list[str] = []
    if source.chat_models or not (source.embedding_models or source.rerank_models):
        model = source.chat_models[0] if source.chat_models else FALLBACK_CHAT_MODEL
        async_to_sync(_say_something)(OpenAICompatibleChat(endpoint, model=model))
        answered.append(model)
    if source.embedding_models:
        spec = source.embedding_models[0]
        embedder = opening.open_embedding_model_of(source, spec)
        async_to_sync(_embed_something)(embedder)
        answered.append(spec.name)
    if source.rerank_models:
        async_to_sync(HttpReranker(endpoint, model=source.rerank_models[0]).rerank)("OK", ["OK", "Not OK"])
        answered.append(source.rerank_models[0])
    return answered


async def _say_something(model: ChatModel) -> None:
    hello = [Message(role="user", text="Say OK.")]
    async with aclosing(model.stream(hello, parameters=ModelParameters(max_tokens=16))) as chunks:
        async for _chunk in chunks:
            return


async def _embed_something(model: EmbeddingModel) -> None:
    await model.embed_query("OK")
