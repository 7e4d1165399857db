"""Messages of every shape as the trace page reads them: `{"role", "text"}`, with tool calls and other parts beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.traces.dialects.values import json_of, mapping_of, text_of, without_nothing

_TEXT_TYPES = frozenset({"text", "input_text", "output_text", "refusal"})
_THINKING_TYPES = frozenset({"reasoning", "thinking"})
_CALL_TYPES = frozenset({"tool_call", "tool-call", "tool_use", "function_call"})
_ANSWER_TYPES = frozenset({"tool_call_response", "tool-result", "tool_result", "function_call_output"})


def messages_of(value: Any) -> list[dict[str, Any]]:
    """Messages in the shapes of OpenAI, Anthropic, the GenAI conventions and the AI SDK; [] for what is none."""
    found = json_of(value)
    if isinstance(found, Mapping):
        inner = found.get("messages")
        found = inner if isinstance(inner, list) else [found] if looks_like_message(found) else []
    if not isinstance(found, list):
        return []
    return [message_of(each) for each in found if isinstance(each, Mapping)]


def are_messages(value: Any) -> bool:
    """Whether this is a conversation, and not just some list."""
    found = json_of(value)
    if isinstance(found, Mapping):
        found = found.get("messages")
    if not isinstance(found, list) or not found:
        return False
    return all(isinstance(each, Mapping) and looks_like_message(each) for each in found)


def looks_like_message(value: Mapping[str, Any]) -> bool:
    """Whether somebody says something in it."""
    return isinstance(value.get("role"), str) and bool(
        value.keys() & {"content", "parts", "tool_calls", "text", "function_call"}
    )


def message_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """One message."""
    parts = given.get("parts", given.get("content", given.get("text")))
    parts = json_of(parts) if isinstance(parts, str) and parts[:2] in ("[{", "[ ") else parts
    split = _Parts()
    if isinstance(parts, Sequence) and not isinstance(parts, str):
        for part in parts:
            split.take(part)
    elif parts is not None:
        split.texts.append(text_of(parts))
    for call in given.get("tool_calls") or ():
        if isinstance(call, Mapping):
            split.calls.append(tool_call_of(call))
    if isinstance(given.get("function_call"), Mapping):
        split.calls.append(tool_call_of(given["function_call"]))
    return {
        "role": text_of(given.get("role")),
        "text": "\n".join(split.texts),
        **without_nothing(
            {
                "reasoning": "\n".join(split.thinking) or text_of(given.get("reasoning_content")),
                "tool_calls": split.calls,
                "tool_call_id": given.get("tool_call_id") or split.answers,
                "name": given.get("name"),
                "parts": split.others,
                "finish_reason": given.get("finish_reason"),
            }
        ),
    }


class _Parts:
    """Sorts the parts of a message by what they are."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thinking: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.others: list[Any] = []
        self.answers = ""

    def take(self, part: Any) -> None:
        if not isinstance(part, Mapping):
            self.texts.append(text_of(part))
            return
        kind = part.get("type")
        if kind in _TEXT_TYPES or (kind is None and "text" in part):
            self.texts.append(text_of(part.get("text", part.get("content", part.get("refusal")))))
        elif kind in _THINKING_TYPES:
            self.thinking.append(text_of(part.get("content", part.get("text", part.get("thinking")))))
        elif kind in _CALL_TYPES:
            self.calls.append(tool_call_of(part))
        elif kind in _ANSWER_TYPES:
            self.answers = text_of(part.get("id") or part.get("tool_use_id") or part.get("toolCallId"))
            answer = next((part[name] for name in ("response", "result", "output", "content") if name in part), None)
            self.texts.append(text_of(answer))
        else:
            self.others.append(dict(part))


def tool_call_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """`{"id", "name", "arguments"}` of a tool call; arguments that are JSON text are opened."""
    inner = mapping_of(given.get("function")) or given
    arguments = next((inner[name] for name in ("arguments", "input", "args") if name in inner), None)
    return without_nothing(
        {
            "id": given.get("id") or given.get("toolCallId") or given.get("call_id"),
            "name": inner.get("name") or inner.get("toolName"),
            "arguments": json_of(arguments),
        }
    )


def answer_of(messages: Sequence[Mapping[str, Any]], *, finish_reason: str = "") -> dict[str, Any]:
    """What a model said, as the outputs of its span: text, tool calls, why it stopped."""
    if not messages:
        return {}
    told = messages[0]
    return without_nothing(
        {
            "text": told.get("text"),
            "reasoning": told.get("reasoning"),
            "tool_calls": told.get("tool_calls"),
            "parts": told.get("parts"),
            "finish_reason": finish_reason or told.get("finish_reason"),
            "choices": list(messages) if len(messages) > 1 else None,
        }
    )


def as_outputs(value: Any) -> Any:
    """Any output: a text under its usual name, what a model said taken apart, the rest as it is."""
    found = json_of(value)
    if isinstance(found, str):
        return {"text": found}
    if isinstance(found, Mapping) and looks_like_message(found):
        return answer_of([message_of(found)])
    if are_messages(found):
        return answer_of(messages_of(found)[-1:])
    return found
