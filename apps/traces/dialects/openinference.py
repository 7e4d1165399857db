"""OpenInference: flattened `llm.*` names, `input.value` and `output.value` with their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.traces.dialects.facts import Facts
from apps.traces.dialects.messages import answer_of, as_outputs, message_of
from apps.traces.dialects.tokens import Names, counts_by
from apps.traces.dialects.values import (
    Attributes,
    first,
    json_of,
    mapping_of,
    money_of,
    text_of,
    texts_of,
    unfolded,
    without_nothing,
)
from apps.traces.dialects.wire import WireSpan

PREFIXES = frozenset(
    {"openinference", "llm", "input", "output", "retrieval", "reranker", "embedding", "tool", "metadata", "tag"}
)

Lists = Mapping[str, list[dict[str, Any]]]

KINDS: Mapping[str, str] = {
    "LLM": "llm",
    "EMBEDDING": "embedding",
    "CHAIN": "chain",
    "RETRIEVER": "retrieval",
    "RERANKER": "reranker",
    "TOOL": "tool",
    "AGENT": "agent",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "PROMPT": "template",
}
COUNTS: Names = {
    "input": ("llm.token_count.prompt",),
    "output": ("llm.token_count.completion",),
    "total": ("llm.token_count.total",),
    "cache_read": ("llm.token_count.prompt_details.cache_read",),
    "cache_write": ("llm.token_count.prompt_details.cache_write",),
    "reasoning": ("llm.token_count.completion_details.reasoning",),
}
_SPENT = (
    "input.value",
    "input.mime_type",
    "output.value",
    "output.mime_type",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.invocation_parameters",
    "llm.tools.",
    "retrieval.documents.",
    "reranker.input_documents.",
    "reranker.output_documents.",
    "embedding.embeddings.",
    "tool.parameters",
)


def read(span: WireSpan) -> Facts:
    """What the span says in these words."""
    attributes = span.attributes
    lists = unfolded(attributes)
    asked = [_message(flat) for flat in lists.get("llm.input_messages", ())]
    said = [_message(flat) for flat in lists.get("llm.output_messages", ())]
    finish = text_of(attributes.get("llm.finish_reason"))
    is_model = bool(asked or said)
    return Facts(
        kind=KINDS.get(text_of(attributes.get("openinference.span.kind")).upper(), ""),
        model=text_of(first(attributes, ("llm.model_name", "embedding.model_name", "reranker.model_name"))),
        provider=text_of(first(attributes, ("llm.provider", "llm.system"))),
        counts=counts_by(COUNTS, attributes),
        costs=_costs(attributes),
        session=text_of(attributes.get("session.id")),
        end_user=text_of(attributes.get("user.id")),
        tags=texts_of(attributes.get("tag.tags")),
        first_text_ns=next((event.at_ns for event in span.events if event.name.startswith("First Token")), None),
        # The request of a model call says again what the messages and parameters say.
        inputs=None if asked else _input(attributes, lists),
        outputs=answer_of(said, finish_reason=finish) if is_model and said else _output(attributes, lists),
        process=without_nothing(
            {
                "messages": asked,
                "parameters": mapping_of(
                    first(attributes, ("llm.invocation_parameters", "embedding.invocation_parameters"))
                ),
                "tools": [json_of(flat.get("tool.json_schema")) for flat in lists.get("llm.tools", ())],
                "hits": _documents(lists),
            }
        ),
        spent=_SPENT,
    )


def _message(flat: Attributes) -> dict[str, Any]:
    lists = unfolded(flat)
    given = {name.removeprefix("message."): value for name, value in flat.items()}
    contents = [
        {name.removeprefix("message_content."): value for name, value in part.items()}
        for part in lists.get("message.contents", ())
    ]
    calls = [
        {
            "id": call.get("tool_call.id"),
            "name": call.get("tool_call.function.name"),
            "arguments": call.get("tool_call.function.arguments"),
        }
        for call in lists.get("message.tool_calls", ())
    ]
    return message_of(
        {
            "role": given.get("role"),
            "content": contents or given.get("content"),
            "tool_calls": calls,
            "tool_call_id": given.get("tool_call_id"),
            "name": given.get("name"),
        }
    )


def _input(attributes: Attributes, lists: Lists) -> Any:
    texts = [
        text_of(flat.get("embedding.text"))
        for flat in lists.get("embedding.embeddings", ())
        if "embedding.text" in flat
    ]
    if texts:
        return {"texts": texts}
    query = attributes.get("reranker.query")
    return {"query": query} if query else json_of(first(attributes, ("input.value", "tool.parameters")))


def _output(attributes: Attributes, lists: Lists) -> Any:
    vectors = lists.get("embedding.embeddings")
    if vectors:
        return {"vectors": len(vectors)}
    return as_outputs(attributes.get("output.value"))


def _documents(lists: Lists) -> list[dict[str, Any]]:
    for prefix in ("retrieval.documents", "reranker.output_documents"):
        found = lists.get(prefix)
        if found:
            return [_document(flat) for flat in found]
    return []


def _document(flat: Attributes) -> dict[str, Any]:
    metadata = mapping_of(flat.get("document.metadata"))
    return {
        "text": text_of(flat.get("document.content")),
        **without_nothing(
            {
                "chunk_id": flat.get("document.id"),
                "score": flat.get("document.score"),
                "document_name": first(metadata, ("title", "file_name", "source", "name")),
                "metadata": metadata,
            }
        ),
    }


def _costs(attributes: Attributes) -> dict[str, str]:
    parts = {
        "input": money_of(attributes.get("llm.cost.prompt")),
        "output": money_of(attributes.get("llm.cost.completion")),
    }
    found = {part: cost for part, cost in parts.items() if cost is not None}
    total = money_of(attributes.get("llm.cost.total"))
    return found or ({"total": total} if total is not None else {})
