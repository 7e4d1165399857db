"""The OpenAI-compatible wire format without the wire: building requests and reading replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model_runtime.errors import InvalidModelReply, ModelError, ProviderMisconfigured
from model_runtime.types import Message, ModelParameters, Usage

#: Fields that a server may reject although the call makes sense without them (or under another name).
_OPTIONAL = ("stream_options", "max_tokens")


def chat_payload(
    model: str, messages: Sequence[Message], parameters: ModelParameters, *, rejected: frozenset[str]
) -> dict[str, Any]:
    """The body of a streaming chat request, without the fields that this server has rejected before."""
    payload: dict[str, Any] = {
        **parameters.as_dict(),
        "model": model,
        "messages": [{"role": message.role, "content": message.text} for message in messages],
        "stream": True,
    }
    if "stream_options" not in rejected:
        payload["stream_options"] = {"include_usage": True}
    if "max_tokens" in rejected and "max_tokens" in payload:
        payload["max_completion_tokens"] = payload.pop("max_tokens")
    return payload


def without_rejected(rejected: frozenset[str], payload: Mapping[str, Any], error: ModelError) -> frozenset[str]:
    """What to leave out after this error; the same set when the error is about something else."""
    said = f"{error.details.get('param', '')} {error.message}"
    return rejected | {name for name in _OPTIONAL if name in payload and name in said}


@dataclass(slots=True)
class Answer:
    """Folds the pieces of a reply into its text, finish reason and usage."""

    provider: str
    _pieces: list[str] = field(default_factory=list)
    refusal: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """Everything received so far."""
        return "".join(self._pieces)

    def take_chunk(self, body: Any) -> str:
        """Take one streamed chunk in; return the text it adds."""
        return self._take(body, part="delta")

    def take_completion(self, body: Any) -> str:
        """Take a whole, unstreamed completion in; return its text."""
        text = self._take(body, part="message")
        if self.finish_reason is None:
            if not text:
                raise InvalidModelReply(f"{self.provider} sent a reply without an answer in it.")
            self.finish_reason = "stop"
        return text

    def _take(self, body: Any, *, part: str) -> str:
        if not isinstance(body, dict):
            raise InvalidModelReply(f"{self.provider} sent a reply that is not an object.")
        if isinstance(reported := body.get("usage"), dict):
            self.usage = read_usage(reported) or self.usage
        choices = body.get("choices")
        # The chunk that carries the usage has no choice; servers send null, [] or leave it out.
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return ""
        content = choice.get(part) or choice.get("message") or {}
        if not isinstance(content, dict):
            raise InvalidModelReply(f"{self.provider} sent a choice that is not an object.")
        if reason := choice.get("finish_reason"):
            self.finish_reason = str(reason)
        if isinstance(refusal := content.get("refusal"), str):
            self.refusal += refusal
        text = _text_of(content.get("content"))
        if text:
            self._pieces.append(text)
        return text


def _text_of(content: Any) -> str:
    """The text of a content field: a string, or a list of typed parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return ""


def read_usage(reported: Mapping[str, Any]) -> Usage | None:
    """The provider's count; None when it holds no numbers (some send zeros or nulls while they stream)."""
    sent, received = _count(reported, "prompt_tokens"), _count(reported, "completion_tokens")
    if not sent and not received:
        return None
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=_count(reported, "total_tokens") or sent + received,
        cached_input_tokens=_count(reported.get("prompt_tokens_details"), "cached_tokens")
        or _count(reported, "prompt_cache_hit_tokens"),
        reasoning_tokens=_count(reported.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(counts: Any, name: str) -> int:
    value = counts.get(name) if isinstance(counts, Mapping) else None
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def read_vectors(body: Any, *, provider: str, count: int, dim: int) -> list[list[float]]:
    """The vectors of an embeddings reply in the order of the request."""
    items = body.get("data") if isinstance(body, dict) else None
    if not isinstance(items, list) or len(items) != count:
        found = len(items) if isinstance(items, list) else 0
        raise InvalidModelReply(f"{provider} sent {found} vectors for {count} texts.")
    vectors: list[list[float] | None] = [None] * count
    for position, item in enumerate(items):
        index = item.get("index", position) if isinstance(item, dict) else None
        vector = item.get("embedding") if isinstance(item, dict) else None
        if not isinstance(index, int) or not 0 <= index < count or not isinstance(vector, list):
            raise InvalidModelReply(f"{provider} sent an embedding that cannot be read.")
        if len(vector) != dim:
            raise ProviderMisconfigured(
                f"{provider} makes vectors of {len(vector)} dimensions; it is set up with {dim}.",
                expected=dim,
                received=len(vector),
            )
        vectors[index] = vector
    if any(vector is None for vector in vectors):
        raise InvalidModelReply(f"{provider} sent two vectors for one text.")
    return [vector for vector in vectors if vector is not None]
