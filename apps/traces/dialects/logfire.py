"""logfire and pydantic-ai: names made of templates, usage as the provider gave it, streamed answers apart."""

from __future__ import annotations

from apps.traces.dialects.facts import Facts
from apps.traces.dialects.messages import answer_of, as_outputs, messages_of
from apps.traces.dialects.tokens import counts_of_provider
from apps.traces.dialects.values import (
    first,
    json_of,
    mapping_of,
    money_of,
    text_of,
    texts_of,
    without_nothing,
)
from apps.traces.dialects.wire import WireSpan

PREFIXES = frozenset({"logfire", "pydantic_ai", "final_result", "all_messages_events", "request_data", "response_data"})

#: Levels of logfire: 17 is an error.
_ERROR = 17
_FAILED = 2
#: What a call that was answered says something of.
_ANSWERS = ("gen_ai.usage.", "gen_ai.output.", "gen_ai.completion", "gen_ai.response.finish", "response_data")
#: Attributes of an agent's span whose counts are the sums of its calls; calls are counted once.
_AGENT = ("pydantic_ai.all_messages", "all_messages_events", "final_result")
_SPENT = (
    "logfire.json_schema",
    "logfire.msg",
    "logfire.msg_template",
    "logfire.span_type",
    "pydantic_ai.all_messages",
    "all_messages_events",
    "final_result",
    "request_data",
    "response_data",
    "gen_ai.usage.raw",
)


def read(span: WireSpan) -> Facts:
    """What the span says in these words."""
    attributes = span.attributes
    response = mapping_of(attributes.get("response_data"))
    request = mapping_of(attributes.get("request_data"))
    talk = messages_of(first(attributes, ("pydantic_ai.all_messages", "all_messages_events")))
    is_agent = any(name in attributes for name in _AGENT)
    is_log = text_of(attributes.get("logfire.span_type")) == "log"
    level = attributes.get("logfire.level_num")
    failed = is_log and isinstance(level, int) and level >= _ERROR
    has_model = any(name in attributes for name in ("gen_ai.request.model", "gen_ai.response.model"))
    cost = money_of(attributes.get("operation.cost"))
    said = messages_of(response.get("message") or [])
    result = json_of(attributes.get("final_result"))
    return Facts(
        name=text_of(first(attributes, ("logfire.msg",))),
        kind=_kind(span, is_agent=is_agent, is_log=is_log, has_model=has_model),
        status="error" if failed else "",
        error_message=text_of(attributes.get("logfire.msg")) if failed else "",
        tags=[tag for tag in texts_of(attributes.get("logfire.tags")) if tag != "LLM"],
        counts=None if is_agent else counts_of_provider(attributes.get("gen_ai.usage.raw") or response.get("usage")),
        costs={"total": cost} if cost is not None and not is_agent else {},
        outputs=as_outputs(result) if result is not None else answer_of(said) or _combined(response),
        process=without_nothing(
            {
                "messages": talk or messages_of(request.get("messages") or []),
                "parameters": {
                    name: value for name, value in request.items() if name not in ("messages", "model", "tools")
                },
                "tools": request.get("tools"),
            }
        ),
        spent=_SPENT,
    )


def _kind(span: WireSpan, *, is_agent: bool, is_log: bool, has_model: bool) -> str:
    """The span of a request whose answer is streamed says nothing of it: the call is the span that does."""
    if is_agent:
        return "agent"
    if not has_model:
        return "event" if is_log else ""
    says_nothing = not any(name.startswith(_ANSWERS) for name in span.attributes)
    return "chain" if says_nothing and span.status != _FAILED else ""


def _combined(response: dict[str, object]) -> dict[str, object]:
    """The text of a stream, as older versions put it together."""
    text = response.get("combined_chunk_content")
    return {"text": text} if isinstance(text, str) and text else {}
