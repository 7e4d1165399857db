"""OpenLLMetry: the GenAI conventions, with names of its own for chains and tools, and the flattened older form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.traces.dialects.facts import Facts
from apps.traces.dialects.messages import answer_of, as_outputs, message_of
from apps.traces.dialects.tokens import counts_by
from apps.traces.dialects.values import (
    Attributes,
    json_of,
    text_of,
    unfolded,
    without_nothing,
)
from apps.traces.dialects.wire import WireSpan

PREFIXES = frozenset({"traceloop", "gen_ai", "llm"})

KINDS: Mapping[str, str] = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
_REQUESTS: Mapping[str, str] = {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"}
_ASSOCIATED = "traceloop.association.properties."
_CHUNK = "gen_ai.content.completion.chunk"
_SPENT = (
    "traceloop.entity.input",
    "traceloop.entity.output",
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "llm.request.functions.",
)


def read(span: WireSpan) -> Facts:
    """What the span says in these words."""
    attributes = span.attributes
    lists = unfolded(attributes)
    asked = [_message(flat) for flat in lists.get("gen_ai.prompt", ())]
    said = [_message(flat) for flat in lists.get("gen_ai.completion", ())]
    entity_input = json_of(attributes.get("traceloop.entity.input"))
    return Facts(
        kind=KINDS.get(text_of(attributes.get("traceloop.span.kind")))
        or _REQUESTS.get(text_of(attributes.get("llm.request.type")), ""),
        trace_name=text_of(attributes.get("traceloop.workflow.name")),
        session=text_of(attributes.get(f"{_ASSOCIATED}session_id")),
        end_user=text_of(attributes.get(f"{_ASSOCIATED}user_id")),
        counts=counts_by({"total": ("llm.usage.total_tokens",)}, attributes) if _is_old(attributes) else None,
        first_text_ns=next((event.at_ns for event in span.events if event.name == _CHUNK), None),
        inputs=_arguments(entity_input),
        outputs=as_outputs(attributes.get("traceloop.entity.output")) if not said else answer_of(said),
        process=without_nothing({"messages": asked, "tools": _functions(lists.get("llm.request.functions", ()))}),
        spent=_SPENT,
    )


def _is_old(attributes: Attributes) -> bool:
    """Whether the sum is all that there is."""
    return not any(name.startswith("gen_ai.usage.") for name in attributes)


def _message(flat: Attributes) -> dict[str, Any]:
    calls = [
        {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("arguments")}
        for call in unfolded(flat).get("tool_calls", ())
    ]
    return message_of(
        {
            "role": flat.get("role", "assistant"),
            "content": json_of(flat.get("content")),
            "tool_calls": calls,
            "tool_call_id": flat.get("tool_call_id"),
            "finish_reason": flat.get("finish_reason"),
        }
    )


def _functions(lists: Iterable[Attributes]) -> list[dict[str, Any]]:
    return [without_nothing({**flat, "parameters": json_of(flat.get("parameters"))}) for flat in lists]


def _arguments(given: Any) -> Any:
    """What a function was called with: the client wraps it in `inputs`, `args` and `kwargs`."""
    if isinstance(given, Mapping):
        if set(given) <= {"args", "kwargs"} and not given.get("args"):
            return given.get("kwargs")
        if "inputs" in given and set(given) <= {"inputs", "tags", "metadata", "kwargs"}:
            return given["inputs"]
    return given
