"""Reading providers: which sources of models a team has, and what they offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.conf import settings

from model_runtime.errors import ProviderMisconfigured
from model_runtime.local.files import DIM as LOCAL_DIM
from model_runtime.local.files import FULL_NAME as LOCAL
from model_runtime.local.files import is_built
from providers.catalogue import EmbeddingSpec
from providers.crypto import UnreadableSecret
from providers.models import ProviderCredential

DEMO = "demo"
HASHING = "hashing"
#: Asked for when the operator gave a provider but no model name.
FALLBACK_CHAT_MODEL = "gpt-4o-mini"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """A provider that a team may use: one of its credentials, or one of the operator's environment.

    `account` is what calls of several teams and runs may have in common; `calls_at_once` is None where the row says
    nothing.
    """

    name: str
    base_url: str
    read_secret: Callable[[], str] = field(repr=False)
    chat_models: tuple[str, ...] = ()
    embedding_models: tuple[EmbeddingSpec, ...] = ()
    rerank_models: tuple[str, ...] = ()
    is_operators: bool = False
    account: str = ""
    calls_at_once: int | None = None
    requests_per_minute: int = 0
    tokens_per_minute: int = 0

    def serves_chat(self, model: str, *, named: bool) -> bool:
        """Whether to send it this name. `named`: the provider was named too; then an empty list means any."""
        return model in self.chat_models or self.is_operators or (named and not self.chat_models)

    def serves_rerank(self, model: str, *, named: bool) -> bool:
        """Whether to send it this name for reranking: few providers can, so it must be listed or named."""
        return model in self.rerank_models or (named and self.is_operators)

    def embedding(self, model: str, *, named: bool) -> EmbeddingSpec | None:
        """The embedding model meant by the name, if this source serves it."""
        wanted = EmbeddingSpec.read(model)
        for listed in self.embedding_models:
            if model in (listed.name, listed.written) or listed == wanted:
                return listed
        return wanted if self.is_operators or (named and not self.embedding_models) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One model to offer in a list. `name` is the full name that always means this one."""

    name: str
    provider: str
    kind: Literal["chat", "embedding", "rerank"]
    dim: int | None = None


def sources_for(team_id: UUID) -> list[ModelSource]:
    """The team's enabled credentials, oldest first, then the operator's providers. One query."""
    rows = ProviderCredential.objects.filter(team_id=team_id, is_enabled=True).order_by("created_at")
    return [source_of(row) for row in rows] + [_from_environment(entry) for entry in settings.ENV_PROVIDERS]


def source_of(credential: ProviderCredential) -> ModelSource:
    """The source that a credential makes."""

    def read_secret() -> str:
        try:
            return credential.read_secret()
        except UnreadableSecret as exc:
            raise ProviderMisconfigured(
                f"The key of {credential.name} cannot be decrypted; enter it again.", provider=credential.name
            ) from exc

    return ModelSource(
        name=credential.name,
        base_url=credential.base_url,
        read_secret=read_secret,
        chat_models=tuple(credential.chat_models),
        embedding_models=_specs(credential.embedding_models),
        rerank_models=tuple(credential.rerank_models),
        account=str(credential.id),
        calls_at_once=credential.calls_at_once,
        requests_per_minute=credential.requests_per_minute or 0,
        tokens_per_minute=credential.tokens_per_minute or 0,
    )


def list_models(team_id: UUID) -> list[ModelInfo]:
    """Every model with a known name that the team may use; the built-in ones come last."""
    sources = sources_for(team_id)
    chat = [
        ModelInfo(name=f"{source.name}/{model}", provider=source.name, kind="chat")
        for source in sources
        for model in source.chat_models
    ]
    embedding = [
        ModelInfo(name=f"{source.name}/{spec.written}", provider=source.name, kind="embedding", dim=spec.dim)
        for source in sources
        for spec in source.embedding_models
    ]
    rerank = [
        ModelInfo(name=f"{source.name}/{model}", provider=source.name, kind="rerank")
        for source in sources
        for model in source.rerank_models
    ]
    return [
        *chat,
        ModelInfo(name=DEMO, provider="built-in", kind="chat"),
        *embedding,
        ModelInfo(name=HASHING, provider="built-in", kind="embedding", dim=1024),
        *([ModelInfo(name=LOCAL, provider="built-in", kind="embedding", dim=LOCAL_DIM)] if is_built() else []),
        *rerank,
    ]


def default_chat_model_name(team_id: UUID) -> str:
    """What an app without a choice uses: the first listed model, else the operator's, else the demo."""
    sources = sources_for(team_id)
    for source in sources:
        if source.chat_models:
            return f"{source.name}/{source.chat_models[0]}"
    for source in sources:
        if source.is_operators:
            return str(settings.MODEL_MAP.get("*") or f"{source.name}/{FALLBACK_CHAT_MODEL}")
    return DEMO


def default_embedding_model_name(team_id: UUID) -> str:
    """What a dataset without a choice uses: the first listed embedding model, else the hashing embedder."""
    for source in sources_for(team_id):
        if source.embedding_models:
            return f"{source.name}/{source.embedding_models[0].written}"
    return HASHING


def _from_environment(entry: dict[str, Any]) -> ModelSource:
    secret = entry.get("api_key", "")
    return ModelSource(
        name=entry["name"],
        base_url=entry["base_url"],
        read_secret=lambda: secret,
        chat_models=tuple(filter(None, [entry.get("chat_model")])),
        embedding_models=_specs(filter(None, [entry.get("embedding_model")])),
        rerank_models=tuple(filter(None, [entry.get("rerank_model")])),
        is_operators=True,
        account=f"environment/{entry['name']}",
    )


def _specs(written: Any) -> tuple[EmbeddingSpec, ...]:
    return tuple(spec for entry in written if (spec := EmbeddingSpec.read(entry)))
