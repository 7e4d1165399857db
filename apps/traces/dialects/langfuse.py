"""The langfuse SDK: `langfuse.observation.*` and `langfuse.trace.*`, structures as JSON text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.traces.dialects.facts import Facts
from apps.traces.dialects.genai import passages_of
from apps.traces.dialects.messages import are_messages, as_outputs, messages_of
from apps.traces.dialects.tokens import Counts, counts_of_provider
from apps.traces.dialects.values import (
    Attributes,
    count_of,
    first,
    json_of,
    mapping_of,
    moment_of,
    money_of,
    text_of,
    texts_of,
    without_nothing,
)
from apps.traces.dialects.wire import WireSpan

PREFIXES = frozenset({"langfuse"})

KINDS: Mapping[str, str] = {
    "generation": "llm",
    "embedding": "embedding",
    "agent": "agent",
    "tool": "tool",
    "chain": "chain",
    "retriever": "retrieval",
    "evaluator": "evaluator",
    "guardrail": "guardrail",
    "event": "event",
    "span": "other",
}
_OBSERVATION = "langfuse.observation."
_METADATA = (f"{_OBSERVATION}metadata.", "langfuse.trace.metadata.")
_SPENT = (
    f"{_OBSERVATION}input",
    f"{_OBSERVATION}output",
    f"{_OBSERVATION}usage_details",
    f"{_OBSERVATION}cost_details",
    f"{_OBSERVATION}model.parameters",
    "langfuse.trace.input",
    "langfuse.trace.output",
)


def read(span: WireSpan) -> Facts:
    """What the span says in these words."""
    attributes = span.attributes
    type_ = text_of(attributes.get(f"{_OBSERVATION}type")).lower()
    given = json_of(first(attributes, (f"{_OBSERVATION}input", *(() if span.parent_id else ("langfuse.trace.input",)))))
    made = json_of(
        first(attributes, (f"{_OBSERVATION}output", *(() if span.parent_id else ("langfuse.trace.output",))))
    )
    is_talk = are_messages(given)
    failed = text_of(attributes.get(f"{_OBSERVATION}level")).upper() == "ERROR"
    return Facts(
        kind=KINDS.get(type_, ""),
        status="error" if failed else "",
        error_message=text_of(attributes.get(f"{_OBSERVATION}status_message")) if failed else "",
        model=text_of(attributes.get(f"{_OBSERVATION}model.name")),
        counts=_counts(attributes.get(f"{_OBSERVATION}usage_details")),
        costs=_costs(attributes.get(f"{_OBSERVATION}cost_details")),
        first_text_ns=moment_of(attributes.get(f"{_OBSERVATION}completion_start_time")),
        trace_name=text_of(attributes.get("langfuse.trace.name")),
        session=text_of(first(attributes, ("session.id", "langfuse.session.id"))),
        end_user=text_of(first(attributes, ("user.id", "langfuse.user.id"))),
        tags=texts_of(attributes.get("langfuse.trace.tags")),
        environment=_about(span, "langfuse.environment"),
        release=_about(span, "langfuse.release"),
        inputs=None if is_talk else given,
        outputs={"text": "", "result": passages_of(made)}
        if type_ == "retriever" and isinstance(made, list)
        else as_outputs(made),
        process=without_nothing(
            {
                "messages": messages_of(given) if is_talk else None,
                "tools": given.get("tools") if is_talk and isinstance(given, Mapping) else None,
                "parameters": mapping_of(attributes.get(f"{_OBSERVATION}model.parameters")),
                "prompt_name": attributes.get(f"{_OBSERVATION}prompt.name"),
                "prompt_version": attributes.get(f"{_OBSERVATION}prompt.version"),
                "metadata": _metadata(attributes),
            }
        ),
        spent=(*_SPENT, *_METADATA),
    )


def _about(span: WireSpan, name: str) -> str:
    return text_of(span.attributes.get(name) or span.origin.resource.get(name))


def _metadata(attributes: Attributes) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): json_of(value)
        for name, value in attributes.items()
        for prefix in _METADATA
        if name.startswith(prefix)
    }


def _counts(details: Any) -> Counts | None:
    """The provider's own usage, or counts that do not overlap, named by what they begin with."""
    given = mapping_of(details)
    if not given:
        return None
    if given.keys() & {"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"}:
        return counts_of_provider(given)
    numbers = {name: count for name, value in given.items() if (count := count_of(value)) is not None}
    reads = sum(count for name, count in numbers.items() if _is_read(name))
    writes = sum(count for name, count in numbers.items() if _is_write(name))
    thinking = sum(count for name, count in numbers.items() if "reasoning" in name)
    plain_output = sum(
        count for name, count in numbers.items() if name.startswith("output") and "reasoning" not in name
    )
    plain_input = sum(
        count
        for name, count in numbers.items()
        if name.startswith("input") and not _is_read(name) and not _is_write(name)
    )
    total = numbers.get("total")
    overlaps = total is not None and total == plain_input + plain_output and bool(reads or writes or thinking)
    return Counts(
        input=plain_input if "total" not in numbers or plain_input or plain_output else None,
        output=plain_output,
        total=total,
        cache_read=reads,
        cache_write=writes,
        reasoning=thinking,
        cache_apart=not overlaps,
        reasoning_apart=not overlaps and bool(thinking),
        given=numbers,
    )


def _is_write(name: str) -> bool:
    return "cache_creation" in name or "cache_write" in name


def _is_read(name: str) -> bool:
    return "cache" in name and not _is_write(name)


def _costs(details: Any) -> dict[str, str]:
    """Costs by bucket; a total only where it is all there is."""
    found = {name: cost for name, value in mapping_of(details).items() if (cost := money_of(value)) is not None}
    total = found.pop("total", None)
    if not found:
        return {"total": total} if total is not None else {}
    buckets: dict[str, Decimal] = {}
    for name, cost in found.items():
        bucket = (
            "cache_write"
            if _is_write(name)
            else "cache_read"
            if _is_read(name)
            else "reasoning"
            if "reasoning" in name
            else "output"
            if name.startswith("output")
            else "input"
        )
        buckets[bucket] = buckets.get(bucket, Decimal(0)) + Decimal(cost)
    return {bucket: f"{cost:f}" for bucket, cost in buckets.items()}
