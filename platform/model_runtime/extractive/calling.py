"""Which of the tools on offer a question calls for, and what to call it with."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from model_runtime.extractive.filling import fill
from model_runtime.extractive.prompt import quoted_text
from model_runtime.types import Message, Tool, ToolCall, Wish
from model_runtime.words import content_terms

_TEXT = re.compile(r"<text>\s*(.*?)\s*</text>", re.DOTALL)


def subject_of(messages: Sequence[Message]) -> str:
    """The text that the last message of the user is about."""
    asked = next((message.text for message in reversed(messages) if message.role == "user"), "")
    between = _TEXT.findall(asked)
    return between[-1] if between else quoted_text(asked) or asked


def instructions_of(messages: Sequence[Message]) -> str:
    """All that the system messages say."""
    return "\n\n".join(message.text for message in messages if message.role == "system")


def given_by_tools(messages: Sequence[Message]) -> list[str]:
    """What tools have given since the user spoke last."""
    given: list[str] = []
    for message in reversed(messages):
        if message.role == "user":
            break
        if message.role == "tool":
            given.append(message.text)
    return given[::-1]


def choose_call(messages: Sequence[Message], wish: Wish) -> ToolCall | None:
    """The call that the question asks for; None when no tool fits it, or a needed argument is not in it."""
    if not wish.tools or wish.tool_choice == "none":
        return None
    text = subject_of(messages)
    named = [tool for tool in wish.tools if tool.name == wish.tool_choice]
    if named:
        return _call(named[0], text, complete=False)
    scored = [(_score(tool, text), -place) for place, tool in enumerate(wish.tools)]
    must = wish.tool_choice == "required"
    for score, place in sorted(scored, reverse=True):
        if (score > 0 or must) and (call := _call(wish.tools[-place], text, complete=not must)) is not None:
            return call
    return None


def _score(tool: Tool, text: str) -> float:
    asked = set(content_terms(text))
    name = set(content_terms(re.sub(r"\W|_", " ", tool.name)))
    found = 2 * len(asked & name) + len(asked & set(content_terms(tool.description)))
    properties = tool.parameters.get("properties") or {}
    if "expression" in properties and "expression" in (fill(tool.parameters, text) or {}):
        found += 3  # there is something to calculate
    return found


def _call(tool: Tool, text: str, *, complete: bool) -> ToolCall | None:
    arguments = fill(tool.parameters, text, instructions=tool.description) or {}
    missing = [name for name in tool.parameters.get("required") or () if name not in arguments]
    if complete and missing:
        return None
    return ToolCall(id="call_1", name=tool.name, arguments=orjson.dumps(arguments).decode())
