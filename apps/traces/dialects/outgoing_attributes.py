"""Attributes of our own spans by the GenAI semantic conventions, and `skep.*` for what these have no word for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OPERATIONS: Mapping[str, str] = {
    "run": "invoke_workflow",
    "llm": "chat",
    "agent": "invoke_agent",
    "tool": "execute_tool",
    "code": "execute_tool",
    "retrieval": "retrieval",
    "embedding": "embeddings",
}
#: Parameters that the conventions name; others go under `skep.request.`.
_PARAMETERS = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "frequency_penalty", "presence_penalty", "seed", "stop_sequences"}
)


def attributes_of_root(trace: Any, payload: Any | None) -> dict[str, Any]:
    """The run as a whole."""
    said = _mapping(payload.outputs if payload is not None else {})
    asked = _mapping(payload.inputs if payload is not None else {})
    query, answer = asked.get("query"), said.get("answer")
    return {
        "gen_ai.operation.name": OPERATIONS["run"],
        "gen_ai.workflow.name": trace.application_name,
        "gen_ai.conversation.id": str(trace.conversation_id or trace.session or ""),
        "session.id": str(trace.session or trace.conversation_id or ""),
        "user.id": trace.end_user,
        "skep.run.id": str(trace.run_id or ""),
        "skep.source": trace.source,
        "skep.status": trace.status,
        "skep.tags": [str(tag) for tag in trace.tags or ()],
        "gen_ai.usage.input_tokens": trace.input_tokens or None,
        "gen_ai.usage.output_tokens": trace.output_tokens or None,
        **_cost(trace.cost, trace.currency),
        "gen_ai.input.messages": [_message("user", query)] if query else None,
        "gen_ai.output.messages": [{**_message("assistant", answer), "finish_reason": "stop"}] if answer else None,
        "skep.inputs": asked.get("inputs") or None,
        "skep.outputs": said.get("outputs") or None,
    }


def attributes_of_span(trace: Any, span: Any, payload: Any | None) -> dict[str, Any]:
    """One step."""
    inputs = payload.inputs if payload is not None else {}
    outputs = payload.outputs if payload is not None else {}
    process = _mapping(payload.process if payload is not None else {})
    told = {
        "gen_ai.operation.name": OPERATIONS.get(span.kind),
        "gen_ai.conversation.id": str(trace.conversation_id or ""),
        "skep.node.id": span.node_id,
        "skep.node.type": span.node_type,
        "skep.kind": span.kind,
    }
    if span.kind in ("llm", "agent", "embedding"):
        return told | _of_call(span) | _content_of_call(_mapping(outputs), process)
    if span.kind in ("tool", "code"):
        return told | {
            "gen_ai.tool.name": span.name,
            "gen_ai.tool.call.arguments": inputs or None,
            "gen_ai.tool.call.result": outputs or None,
        }
    if span.kind == "retrieval":
        passages = _mapping(outputs).get("result") or process.get("hits")
        return told | {
            "gen_ai.retrieval.query.text": _mapping(inputs).get("query"),
            "gen_ai.retrieval.documents": [_document(each) for each in _list(passages)] or None,
        }
    return told | {"skep.inputs": inputs or None, "skep.outputs": outputs or None}


def _of_call(span: Any) -> dict[str, Any]:
    return {
        "gen_ai.provider.name": span.provider,
        "gen_ai.request.model": span.model,
        "gen_ai.response.model": span.model,
        "gen_ai.usage.input_tokens": span.input_tokens,
        "gen_ai.usage.output_tokens": span.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": span.cached_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": span.cache_write_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": span.reasoning_tokens or None,
        "gen_ai.response.time_to_first_chunk": span.first_text_us / 1e6 if span.first_text_us is not None else None,
        **_cost(span.cost, span.currency),
    }


def _content_of_call(outputs: Mapping[str, Any], process: Mapping[str, Any]) -> dict[str, Any]:
    parameters = _mapping(process.get("parameters") or process.get("model_parameters"))
    asked = [
        _message(str(each.get("role") or ""), each.get("text", each.get("content")))
        for each in _list(process.get("messages") or process.get("prompt"))
        if isinstance(each, Mapping)
    ]
    reason = outputs.get("finish_reason") or process.get("finish_reason")
    said = outputs.get("text")
    return {
        **{
            f"gen_ai.request.{name}" if name in _PARAMETERS else f"skep.request.{name}": value
            for name, value in parameters.items()
        },
        "gen_ai.response.finish_reasons": [str(reason)] if reason else None,
        "gen_ai.input.messages": asked or None,
        "gen_ai.output.messages": [{**_message("assistant", said), "finish_reason": str(reason or "stop")}]
        if said
        else None,
    }


def _message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content if isinstance(content, str) else str(content)}]}


def _document(given: Any) -> dict[str, Any]:
    found = _mapping(given)
    return {
        "id": str(found.get("chunk_id") or found.get("document_id") or ""),
        "score": found.get("score"),
        "content": found.get("text") or found.get("content"),
    }


def _cost(cost: Any, currency: str) -> dict[str, Any]:
    return {} if cost is None else {"skep.cost": f"{cost:f}", "skep.cost.currency": currency or "USD"}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else []
