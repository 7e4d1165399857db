"""The OpenAI-compatible wire format without the wire: building requests and reading replies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model_runtime.errors import InvalidModelReply, ModelError, ProviderMisconfigured
from model_runtime.types import Format, Message, ModelParameters, Tool, ToolCall, Usage, Wish

#: Fields that a server may reject although the call makes sense without them (or under another name).
_OPTIONAL = ("stream_options", "max_tokens", "tool_choice")
#: What we ask for the form of a reply with: the second when a server rejects the first, then nothing.
_FORMATS = ("json_schema", "json_object")


def chat_payload(
    model: str, messages: Sequence[Message], parameters: ModelParameters, *, wish: Wish, rejected: frozenset[str]
) -> dict[str, Any]:
    """The body of a streaming chat request, without the fields that this server has rejected before."""
    payload: dict[str, Any] = {
        **parameters.as_dict(),
        "model": model,
        "messages": [_message(message) for message in messages],
        "stream": True,
    }
    if isinstance(form := payload.get("response_format"), str):
        payload["response_format"] = {"type": form}
    if wish.format is not None:
        payload["response_format"] = _response_format(wish.format, rejected)
    if payload.get("response_format", "") in (None, {"type": "text"}):
        del payload["response_format"]
    if wish.tools:
        payload["tools"] = [_tool(tool) for tool in wish.tools]
        if "tool_choice" not in rejected:
            payload["tool_choice"] = _tool_choice(wish.tool_choice)
    if "stream_options" not in rejected:
        payload["stream_options"] = {"include_usage": True}
    if "max_tokens" in rejected and "max_tokens" in payload:
        payload["max_completion_tokens"] = payload.pop("max_tokens")
    return payload


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    content: Any = message.text
    if message.images:
        pictures = [
            {"type": "image_url", "image_url": {"url": image.url, "detail": image.detail}} for image in message.images
        ]
        content = [*([{"type": "text", "text": message.text}] if message.text else []), *pictures]
    if not message.tool_calls:
        return {"role": message.role, "content": content}
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls
    ]
    return {"role": message.role, "content": content or None, "tool_calls": calls}


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> Any:
    return choice if choice in ("auto", "none", "required") else {"type": "function", "function": {"name": choice}}


def _response_format(wanted: Format, rejected: frozenset[str]) -> dict[str, Any] | None:
    if "json_schema" not in rejected:
        schema = {"name": wanted.name, "schema": dict(wanted.schema), "strict": wanted.strict}
        return {"type": "json_schema", "json_schema": schema}
    return None if "json_object" in rejected else {"type": "json_object"}


def without_rejected(rejected: frozenset[str], payload: Mapping[str, Any], error: ModelError) -> frozenset[str]:
    """What to leave out after this error; the same set when the error is about something else."""
    said = f"{error.details.get('param', '')} {error.message}"
    found = {name for name in _OPTIONAL if name in payload and name in said}
    form = payload.get("response_format")
    if isinstance(form, Mapping) and form.get("type") in _FORMATS and re.search(r"response.?format|json", said, re.I):
        found.add(str(form["type"]))
    return rejected | found


@dataclass(frozen=True, slots=True)
class Piece:
    """What one part of a reply adds."""

    text: str = ""
    reasoning: str = ""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Answer:
    """Folds the pieces of a reply into its text, the tools it wants called, finish reason and usage."""

    provider: str
    _pieces: list[str] = field(default_factory=list)
    _calls: dict[int, _Call] = field(default_factory=dict)
    refusal: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """Everything received so far."""
        return "".join(self._pieces)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model wants called, in its order; those without a name are none."""
        return tuple(
            ToolCall(id=call.id or f"call_{number}", name=call.name, arguments=call.arguments)
            for number, (_, call) in enumerate(sorted(self._calls.items()))
            if call.name
        )

    def take_chunk(self, body: Any) -> Piece:
        """Take one streamed chunk in; return what it adds."""
        return self._take(body, part="delta")

    def take_completion(self, body: Any) -> Piece:
        """Take a whole, unstreamed completion in; return its text."""
        piece = self._take(body, part="message")
        if self.finish_reason is None:
            if not piece.text and not self._calls:
                raise InvalidModelReply(f"{self.provider} sent a reply without an answer in it.")
            self.finish_reason = "stop"
        return piece

    def _take(self, body: Any, *, part: str) -> Piece:
        if not isinstance(body, dict):
            raise InvalidModelReply(f"{self.provider} sent a reply that is not an object.")
        if isinstance(reported := body.get("usage"), dict):
            self.usage = read_usage(reported) or self.usage
        choices = body.get("choices")
        # The chunk that carries the usage has no choice; servers send null, [] or leave it out.
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return Piece()
        content = choice.get(part) or choice.get("message") or {}
        if not isinstance(content, dict):
            raise InvalidModelReply(f"{self.provider} sent a choice that is not an object.")
        if reason := choice.get("finish_reason"):
            self.finish_reason = str(reason)
        if isinstance(refusal := content.get("refusal"), str):
            self.refusal += refusal
        self._take_calls(content.get("tool_calls"))
        text = _text_of(content.get("content"))
        if text:
            self._pieces.append(text)
        # Providers disagree about the name under which a model thinks aloud.
        return Piece(text, _text_of(content.get("reasoning_content") or content.get("reasoning")))

    def _take_calls(self, pieces: Any) -> None:
        for place, piece in enumerate(pieces if isinstance(pieces, list) else ()):
            function = piece.get("function") if isinstance(piece, dict) else None
            if not isinstance(function, dict):
                continue
            index = piece["index"] if isinstance(piece.get("index"), int) else self._index_of(piece, place)
            call = self._calls.setdefault(index, _Call())
            call.id = call.id or str(piece.get("id") or "")
            call.name = call.name or str(function.get("name") or "")
            arguments = function.get("arguments")
            # Some servers send the object itself instead of its text.
            call.arguments += arguments if isinstance(arguments, str) else _as_json(arguments)

    def _index_of(self, piece: Mapping[str, Any], place: int) -> int:
        """Servers that do not number their calls give each an id, or send all of them at once."""
        name = piece.get("id")
        known = (index for index, call in self._calls.items() if name and call.id == name)
        return next(known, len(self._calls) if name else place)


def _as_json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


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
    details = reported.get("prompt_tokens_details")
    cached = (
        _count(details, "cached_tokens")
        or _count(reported, "prompt_cache_hit_tokens")
        or _count(reported, "cache_read_input_tokens")
    )
    written = (
        _count(details, "cache_write_tokens")
        or _count(details, "cache_creation_tokens")
        or _count(reported, "cache_creation_input_tokens")
    )
    if cached + written > sent:
        # Some gateways pass on Anthropic's way of counting, which leaves these out of the input.
        sent += cached + written
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=max(_count(reported, "total_tokens"), sent + received),
        cached_input_tokens=cached,
        cache_write_tokens=written,
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
