"""The AI SDK of Vercel: `ai.*` names, an outer span for the whole call and an inner one for each request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.traces.dialects.facts import Facts
from apps.traces.dialects.messages import messages_of, tool_call_of
from apps.traces.dialects.tokens import Names, counts_by
from apps.traces.dialects.values import (
    Attributes,
    first,
    json_of,
    list_of,
    mapping_of,
    seconds_of,
    text_of,
    without_nothing,
)
from apps.traces.dialects.wire import WireSpan

PREFIXES = frozenset({"ai"})

#: By operation; the outer spans are chains, so that tokens are counted once, on the requests inside them.
KINDS: Mapping[str, str] = {
    "ai.generateText": "chain",
    "ai.streamText": "chain",
    "ai.generateObject": "chain",
    "ai.streamObject": "chain",
    "ai.embed": "chain",
    "ai.embedMany": "chain",
    "ai.generateText.doGenerate": "llm",
    "ai.streamText.doStream": "llm",
    "ai.generateObject.doGenerate": "llm",
    "ai.streamObject.doStream": "llm",
    "ai.embed.doEmbed": "embedding",
    "ai.embedMany.doEmbed": "embedding",
    "ai.toolCall": "tool",
}
_CALLS = frozenset({"llm", "embedding"})
COUNTS: Names = {
    "input": ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens", "gen_ai.usage.input_tokens"),
    "output": ("ai.usage.outputTokens", "ai.usage.completionTokens", "gen_ai.usage.output_tokens"),
    "total": ("ai.usage.totalTokens",),
    "cache_read": ("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
    "cache_write": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
    "reasoning": ("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
}
_TELEMETRY = "ai.telemetry.metadata."
_SPENT = (
    "ai.prompt",
    "ai.prompt.",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.response.object",
    "ai.toolCall.args",
    "ai.toolCall.result",
)


def read(span: WireSpan) -> Facts:
    """What the span says in these words."""
    attributes = span.attributes
    operation = text_of(attributes.get("ai.operationId"))
    kind = KINDS.get(operation, "")
    prompt = mapping_of(attributes.get("ai.prompt"))
    asked = messages_of(first(attributes, ("ai.prompt.messages",)) or prompt.get("messages") or [])
    wait = seconds_of(first(attributes, ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")))
    return Facts(
        name=text_of(attributes.get("ai.toolCall.name")) if kind == "tool" else "",
        kind=kind,
        model=text_of(first(attributes, ("ai.response.model", "ai.model.id"))) if kind in _CALLS else "",
        provider=text_of(attributes.get("ai.model.provider")).partition(".")[0] if kind in _CALLS else "",
        counts=counts_by(COUNTS, attributes) if kind in _CALLS else None,
        first_text_ns=None if wait is None else span.start_ns + round(wait * 1e6),
        trace_name=text_of(attributes.get("ai.telemetry.functionId")) if not span.parent_id else "",
        session=text_of(first(attributes, (f"{_TELEMETRY}sessionId", f"{_TELEMETRY}session_id"))),
        end_user=text_of(first(attributes, (f"{_TELEMETRY}userId", f"{_TELEMETRY}user_id"))),
        inputs=_inputs(attributes, prompt),
        outputs=_outputs(attributes),
        process=without_nothing(
            {
                "messages": asked,
                "tools": [json_of(tool) for tool in list_of(attributes.get("ai.prompt.tools"))],
                "parameters": _parameters(attributes),
            }
        ),
        spent=_SPENT,
    )


def _inputs(attributes: Attributes, prompt: Mapping[str, Any]) -> Any:
    arguments = attributes.get("ai.toolCall.args")
    if arguments is not None:
        return json_of(arguments)
    if "ai.value" in attributes:
        return {"texts": [json_of(attributes["ai.value"])]}
    return {name: value for name, value in prompt.items() if name != "messages"} or None


def _outputs(attributes: Attributes) -> Any:
    if "ai.toolCall.result" in attributes:
        return json_of(attributes["ai.toolCall.result"])
    calls = list_of(attributes.get("ai.response.toolCalls"))
    return without_nothing(
        {
            "text": attributes.get("ai.response.text"),
            "object": json_of(attributes.get("ai.response.object")),
            "reasoning": attributes.get("ai.response.reasoning"),
            "tool_calls": [tool_call_of(call) for call in calls if isinstance(call, Mapping)],
            "finish_reason": attributes.get("ai.response.finishReason"),
        }
    )


def _parameters(attributes: Attributes) -> dict[str, Any]:
    return {
        name.removeprefix("ai.settings."): value
        for name, value in attributes.items()
        if name.startswith("ai.settings.")
    }
