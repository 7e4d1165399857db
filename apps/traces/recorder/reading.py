"""Reads what nodes leave in `process` and `outputs`: model, parameters, prompt, hits, what code printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def model_of(process: Mapping[str, Any]) -> tuple[str, str]:
    """Name and provider of the model that was called, as far as the node said."""
    model = process.get("model")
    if isinstance(model, Mapping):
        return str(model.get("name", "")), str(model.get("provider") or process.get("provider") or "")
    return str(model or ""), str(process.get("provider") or "")


def parameters_of(process: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters the model was called with."""
    for name in ("parameters", "model_parameters"):
        found = process.get(name)
        if isinstance(found, Mapping):
            return dict(found)
    return {}


def messages_of(process: Mapping[str, Any]) -> list[dict[str, str]]:
    """The prompt as `{"role", "text"}`, oldest first."""
    for name in ("messages", "prompt"):
        found = process.get(name)
        if isinstance(found, Sequence) and not isinstance(found, str):
            return [_message(each) for each in found if isinstance(each, Mapping)]
    return []


def passages_of(process: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The passages a retrieval found, best first."""
    for source, name in ((outputs, "result"), (process, "hits"), (process, "passages")):
        found = source.get(name)
        if isinstance(found, Sequence) and not isinstance(found, str):
            return [each for each in found if isinstance(each, Mapping)]
    return []


def examples_of(process: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The approved answers that a model was shown, nearest first; of older runs only the ids are known."""
    found = process.get("examples")
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [dict(each) if isinstance(each, Mapping) else {"id": str(each)} for each in found]


def tools_called(outputs: Mapping[str, Any]) -> str:
    """Names of the tools that an answer calls, with semicolons between them."""
    calls = outputs.get("tool_calls")
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        return ""
    return "; ".join(str(call["name"]) for call in calls if isinstance(call, Mapping) and call.get("name"))


#: Where code leaves its texts, the most telling first.
PRINTED = ("traceback", "stdout", "stderr")


def printed_by(process: Mapping[str, Any]) -> dict[str, str]:
    """What code printed and the traceback it ended with, by name; empty for nodes that run none."""
    return {name: found for name in PRINTED if isinstance(found := process.get(name), str) and found}


def _message(body: Mapping[str, Any]) -> dict[str, str]:
    text = body.get("text", body.get("content", ""))
    if isinstance(text, Sequence) and not isinstance(text, str):
        text = "\n".join(str(part.get("text", "")) for part in text if isinstance(part, Mapping))
    return {"role": str(body.get("role", "")), "text": str(text)}
