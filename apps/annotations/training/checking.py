"""Every line is checked before it is written: against the format's schema, and for what a schema cannot say."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from apps.annotations.training.formats import FORMATS, Line

#: A fault is told, not the whole text at fault.
_LONGEST = 200


def fault_of(line: Line, *, format: str) -> str:
    """What is wrong with a line, with its place in it; empty for a good one."""
    checker = _checker(format)
    if not checker.is_valid(line):
        error = best_match(checker.iter_errors(line))
        if error is not None:
            return f"{error.json_path}: {error.message}"[:_LONGEST]
    match format:
        case "openai":
            return _fault_in_dialogue(line["messages"], tools=line.get("tools", ()), ends_with="assistant")
        case "openai-preference":
            asked = line["input"]
            return _fault_in_dialogue(asked["messages"], tools=asked.get("tools", ()))
        case "trl-preference":
            return _fault_in_dialogue(line["prompt"], tools=line.get("tools", ()))
        case _:
            return ""


@functools.cache
def _checker(format: str) -> Draft202012Validator:
    return Draft202012Validator(FORMATS[format].schema)


def _fault_in_dialogue(
    messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]], ends_with: str = ""
) -> str:
    """Instructions come first, calls are of tools that are defined and are answered, and the end is as it should be."""
    defined = {each["function"]["name"] for each in tools}
    waiting: set[str] = set()
    for place, each in enumerate(messages):
        role = each["role"]
        if role == "system" and place:
            return f"$.messages[{place}]: the instructions must come first"
        if role == "tool":
            if each["tool_call_id"] not in waiting:
                return f"$.messages[{place}]: it answers no call"
            waiting.discard(each["tool_call_id"])
            continue
        if waiting:
            return f"$.messages[{place}]: a call before it has no answer"
        for call in each.get("tool_calls", ()):
            if call["function"]["name"] not in defined:
                return f"$.messages[{place}]: the tool {call['function']['name']} is not defined"
            waiting.add(call["id"])
    if waiting:
        return "$.messages: a call has no answer"
    last = messages[-1]
    if ends_with and (last["role"] != ends_with or last.get("tool_calls")):
        return "$.messages: the last one must be an answer"
    if not ends_with and last["role"] not in ("user", "tool"):
        return "$.messages: the last one must ask for an answer"
    if not any(each["role"] == "user" for each in messages):
        return "$.messages: nobody asks"
    return ""
