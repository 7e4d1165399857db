"""What was said in a trace from elsewhere: the words in whatever its sender wrote down as input and output."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

_ASKED: Final = ("query", "question", "input", "prompt", "text", "content", "message", "inputs", "messages")
_ANSWERED: Final = ("answer", "output", "text", "content", "response", "completion", "message", "outputs", "messages")
_DEEPEST = 6


def asked_in(value: Any) -> str:
    """The last thing that the user said; where nothing looks like it, the value as JSON."""
    return _words(value, _ASKED, "user") or _json(value)


def answered_in(value: Any) -> str:
    """The last thing that was said to the user; where nothing looks like it, the value as JSON."""
    return _words(value, _ANSWERED, "assistant") or _json(value)


def _words(value: Any, names: Sequence[str], role: str, depth: int = 0) -> str:
    if depth > _DEEPEST:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        for name in names:
            if value.get(name) and (found := _words(value[name], names, role, depth + 1)):
                return found
        return _words(value["parts"], names, role, depth + 1) if value.get("parts") else ""
    if isinstance(value, Sequence):
        return _words_of_list(value, names, role, depth)
    return ""


def _words_of_list(values: Sequence[Any], names: Sequence[str], role: str, depth: int) -> str:
    """Of messages the last one of the role; of parts of a message all."""
    messages = [each for each in values if isinstance(each, Mapping) and each.get("role")]
    if messages:
        said = [each for each in messages if each["role"] == role] or messages[-1:]
        return next((text for each in reversed(said) if (text := _words(each, names, role, depth + 1))), "")
    return "\n".join(text for each in values if (text := _words(each, names, role, depth + 1)))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""
