"""From a model's name to a client that can be called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from model_runtime.errors import ProviderMisconfigured
from model_runtime.local.files import FULL_NAME as LOCAL
from model_runtime.protocols import ChatModel, EmbeddingModel, RerankModel
from model_runtime.providers.demo import DemoChatModel
from model_runtime.providers.hashing import HashingEmbedder
from model_runtime.providers.local_onnx import LocalEmbedder
from model_runtime.providers.openai_compatible import OpenAICompatibleChat, OpenAICompatibleEmbeddings
from model_runtime.providers.reranking import HttpReranker
from model_runtime.transport import Endpoint, Timeouts
from model_runtime.types import CallLimits
from providers import selectors
from providers.catalogue import EmbeddingSpec
from providers.errors import ModelNotFound
from providers.selectors import DEMO, HASHING, ModelSource
from support.egress import EgressPolicy, host_and_port, policy_from_env


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedChat:
    """A chat model, and through which account: so many calls may be made to that at once (None: nobody said)."""

    model: ChatModel
    account: str = ""
    calls_at_once: int | None = None
    limits: CallLimits | None = None


def open_chat_model(name: str, *, team_id: UUID) -> ChatModel:
    """The same as `open_chat`, for those who make one call."""
    return open_chat(name, team_id=team_id).model


def open_chat(name: str, *, team_id: UUID) -> OpenedChat:
    """The chat model that a name means for a team; an empty name means the default.

    MODEL_MAP is asked first (`*` stands for every name), then the team's credentials, then the operator's
    providers. With no provider at all every name means the demo model. Raises ModelNotFound or ModelError.
    """
    wanted = settings.MODEL_MAP.get(name) or (name if name == DEMO else settings.MODEL_MAP.get("*")) or name
    wanted = wanted or selectors.default_chat_model_name(team_id)
    if wanted == DEMO:
        return OpenedChat(model=DemoChatModel())
    sources = selectors.sources_for(team_id)
    if not sources:
        return OpenedChat(model=DemoChatModel())
    for source, model, named in _candidates(wanted, sources):
        if source.serves_chat(model, named=named):
            opened = open_chat_model_of(source, model)
            limits = CallLimits(
                key=f"account/{source.account}",
                requests_per_minute=source.requests_per_minute,
                tokens_per_minute=source.tokens_per_minute,
            )
            return OpenedChat(model=opened, account=source.account, calls_at_once=source.calls_at_once, limits=limits)
    raise ModelNotFound(wanted, available=_available(team_id, "chat"))


def open_embedding_model(name: str, *, team_id: UUID) -> EmbeddingModel:
    """The embedding model that a name means for a team; an empty name means the default.

    As for chat, except that MODEL_MAP's `*` is not used (it names a chat model) and the built-in one is the
    hashing embedder. Raises ModelNotFound or ModelError.
    """
    wanted = settings.MODEL_MAP.get(name) or name or selectors.default_embedding_model_name(team_id)
    if wanted == HASHING:
        return HashingEmbedder()
    if wanted == LOCAL:
        return LocalEmbedder()
    sources = selectors.sources_for(team_id)
    if not sources:
        return HashingEmbedder()
    for source, model, named in _candidates(wanted, sources):
        if spec := source.embedding(model, named=named):
            return open_embedding_model_of(source, spec)
        if named:
            raise ProviderMisconfigured(
                f"The dimension of {wanted!r} is not known; write it as {model}@1024 with the right number.",
                model=wanted,
            )
    raise ModelNotFound(wanted, available=_available(team_id, "embedding"))


def open_rerank_model(name: str, *, team_id: UUID, timeout: float = 5.0) -> RerankModel:
    """The rerank model that a name means for a team; a call may take `timeout` seconds. Raises ModelNotFound.

    There is no built-in one and no default: whoever reranks has said with what.
    """
    wanted = settings.MODEL_MAP.get(name) or name
    for source, model, named in _candidates(wanted, selectors.sources_for(team_id)):
        if source.serves_rerank(model, named=named):
            patience = Timeouts(connect=timeout, read=timeout, write=timeout, total=timeout)
            return HttpReranker(replace(endpoint_of(source), timeouts=patience), model=model)
    raise ModelNotFound(wanted, available=_available(team_id, "rerank"))


def open_chat_model_of(source: ModelSource, model: str) -> ChatModel:
    """A client for one model of one source."""
    return OpenAICompatibleChat(endpoint_of(source), model=model)


def open_embedding_model_of(source: ModelSource, spec: EmbeddingSpec) -> EmbeddingModel:
    """A client for one embedding model of one source."""
    endpoint = endpoint_of(source)
    # The account is known by address and key, whatever the credentials of the teams that share it are called.
    account = hashlib.sha256(f"{endpoint.base_url}|{endpoint.api_key}".encode()).hexdigest()[:24]
    return OpenAICompatibleEmbeddings(
        endpoint,
        limits=CallLimits(key=f"{account}:{spec.name}", requests_per_minute=spec.rpm, tokens_per_minute=spec.tpm),
        model=spec.name,
        dim=spec.dim,
        max_tokens=spec.max_tokens,
        send_dimensions=spec.send_dimensions,
    )


def endpoint_of(source: ModelSource) -> Endpoint:
    """Where the source is, and the policy under which it is reached.

    The operator's own providers may be anywhere, also on this machine; a team's address passes the guard.
    """
    policy = _policy(settings.EGRESS_ALLOW, settings.EGRESS_DENY)
    if source.is_operators:
        policy = policy.allowing(host_and_port(source.base_url))
    return Endpoint(provider=source.name, base_url=source.base_url, api_key=source.read_secret(), policy=policy)


@lru_cache(maxsize=8)
def _policy(allow: str, deny: str) -> EgressPolicy:
    return policy_from_env({"EGRESS_ALLOW": allow, "EGRESS_DENY": deny})


def _candidates(wanted: str, sources: list[ModelSource]) -> Iterator[tuple[ModelSource, str, bool]]:
    """Sources to ask, with the name each would be sent: the one that is named first, then all by bare name.

    A model's own name may hold a slash (`meta-llama/llama-3`), so a prefix counts only when a source has it.
    """
    prefix, slash, rest = wanted.partition("/")
    if slash and rest:
        yield from ((source, rest, True) for source in sources if source.name == prefix)
    yield from ((source, wanted, False) for source in sources)


def _available(team_id: UUID, kind: str) -> list[str]:
    return [info.name for info in selectors.list_models(team_id) if info.kind == kind]
