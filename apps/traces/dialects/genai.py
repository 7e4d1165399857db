"""The GenAI semantic conventions, as the official instrumentation sends them, and the names they had before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.traces.dialects.facts import Facts
from apps.traces.dialects.messages import answer_of, as_outputs, messages_of
from apps.traces.dialects.tokens import Names, counts_by
from apps.traces.dialects.values import (
    Attributes,
    first,
    json_of,
    list_of,
    money_of,
    seconds_of,
    text_of,
    texts_of,
    without_nothing,
)
from apps.traces.dialects.wire import WireSpan

PREFIXES = frozenset({"gen_ai"})

KINDS: Mapping[str, str] = {
    "chat": "llm",
    "text_completion": "llm",
    "completion": "llm",
    "generate_content": "llm",
    "responses": "llm",
    "embeddings": "embedding",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "plan": "agent",
    "invoke_workflow": "chain",
    "execute_tool": "tool",
    "retrieval": "retrieval",
    "rerank": "reranker",
    "evaluation": "evaluator",
    "guardrail": "guardrail",
}
COUNTS: Names = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "total": ("gen_ai.usage.total_tokens",),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
    ),
}
_PARAMETERS = "gen_ai.request."
_NO_PARAMETERS = frozenset({"gen_ai.request.model"})
_SPENT = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.documents",
)
#: Events that carried the content before attributes did, and who speaks in them.
_SPEAKERS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def read(span: WireSpan) -> Facts:
    """What the span says in these words."""
    attributes = span.attributes
    operation = text_of(attributes.get("gen_ai.operation.name"))
    asked, said = _told(span)
    reasons = texts_of(attributes.get("gen_ai.response.finish_reasons"))
    model = text_of(first(attributes, ("gen_ai.response.model", "gen_ai.request.model")))
    counts = counts_by(COUNTS, attributes)
    is_tool = operation == "execute_tool" or "gen_ai.tool.call.id" in attributes
    cost = money_of(first(attributes, ("gen_ai.usage.cost", "gen_ai.usage.total_cost")))
    return Facts(
        kind=KINDS.get(operation) or ("llm" if counts and model else ""),
        model=model,
        provider=text_of(first(attributes, ("gen_ai.provider.name", "gen_ai.system"))),
        counts=counts,
        costs={"total": cost} if cost else {},
        session=text_of(attributes.get("gen_ai.conversation.id")),
        first_text_ns=_first_text(span),
        inputs=json_of(first(attributes, ("gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text"))),
        outputs=_tool_result(attributes) if is_tool else answer_of(said, finish_reason=", ".join(reasons)),
        process=without_nothing(
            {
                "messages": asked,
                "parameters": parameters_of(attributes),
                "tools": list_of(attributes.get("gen_ai.tool.definitions")),
                "hits": passages_of(attributes.get("gen_ai.retrieval.documents")),
            }
        ),
        spent=_SPENT,
    )


def parameters_of(attributes: Attributes) -> dict[str, Any]:
    """What the model was asked with, by the provider's names."""
    return {
        name[len(_PARAMETERS) :]: value
        for name, value in attributes.items()
        if name.startswith(_PARAMETERS) and name not in _NO_PARAMETERS
    }


def passages_of(value: Any) -> list[dict[str, Any]]:
    """Retrieved passages as the trace page reads them."""
    return [_passage(each) for each in list_of(value)]


def _passage(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return {"text": text_of(given)}
    known = {
        "text": ("text", "content", "page_content", "document"),
        "score": ("score", "relevance_score", "similarity"),
        "chunk_id": ("id", "chunk_id", "document_id"),
        "document_name": ("document_name", "title", "name", "source"),
    }
    found = {part: first(given, names) for part, names in known.items()}
    found["text"] = text_of(found["text"])
    return without_nothing({**found, "metadata": given.get("metadata")})


def _told(span: WireSpan) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the model was asked and what it said: in attributes, or in events as it was before."""
    attributes = span.attributes
    asked = messages_of(attributes.get("gen_ai.input.messages"))
    said = messages_of(attributes.get("gen_ai.output.messages"))
    for event in span.events:
        if event.name in _SPEAKERS and not asked:
            asked = _from_events(span)
        elif event.name == "gen_ai.choice" and not said:
            told = json_of(first(event.attributes, ("message", "gen_ai.event.content", "content")))
            inner = told.get("message", told) if isinstance(told, Mapping) else {"content": told}
            said = messages_of([{"role": "assistant", **inner, **_reason(event.attributes)}])
        elif event.name == "gen_ai.client.inference.operation.details":
            asked = asked or messages_of(event.attributes.get("gen_ai.input.messages"))
            said = said or messages_of(event.attributes.get("gen_ai.output.messages"))
    orders = json_of(attributes.get("gen_ai.system_instructions"))
    if orders:
        parts = orders if isinstance(orders, list) else [orders]
        asked = [*messages_of([{"role": "system", "parts": parts}]), *asked]
    return asked, said


def _from_events(span: WireSpan) -> list[dict[str, Any]]:
    told = []
    for event in span.events:
        if event.name in _SPEAKERS:
            content = json_of(first(event.attributes, ("gen_ai.event.content", "content")))
            inner = content if isinstance(content, Mapping) else {"content": content}
            told.append({"role": _SPEAKERS[event.name], **inner})
    return messages_of(told)


def _reason(attributes: Attributes) -> dict[str, Any]:
    return without_nothing({"finish_reason": attributes.get("finish_reason")})


def _tool_result(attributes: Attributes) -> Any:
    result = attributes.get("gen_ai.tool.call.result")
    return as_outputs(result) if result is not None else None


def _first_text(span: WireSpan) -> int | None:
    names = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
    wait = seconds_of(first(span.attributes, names))
    return None if wait is None else span.start_ns + round(wait * 1e9)
