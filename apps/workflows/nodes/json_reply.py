"""Finds the JSON in what a model wrote, which may be wrapped in prose or a code block, or have small faults."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from apps.workflows.nodes.thinking import apart

_FENCED = re.compile(r"```[a-zA-Z0-9]*\s*\n?(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
#: Longer replies are read only as they are: searching them for JSON would take too long.
_LONGEST: Final = 1_000_000


class NotJson(ValueError):
    """There is no JSON in the text."""


def read_json(text: str) -> Any:
    """The JSON value of a reply. Raises NotJson."""
    for candidate in _candidates(text):
        for written in (candidate, _TRAILING_COMMA.sub(r"\1", candidate)):
            try:
                return json.loads(written, strict=False)
            except (ValueError, RecursionError):
                continue
        value = _as_literal(candidate)
        if isinstance(value, (dict, list)):
            return value
    raise NotJson("There is no JSON in the reply.")


def read_object(text: str) -> dict[str, Any]:
    """The JSON object of a reply, also where it is the only item of a list. Raises NotJson."""
    value = read_json(text)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise NotJson("The reply is JSON, but no object.")
    return value


def _candidates(text: str) -> Iterator[str]:
    said, _ = apart(text)
    said = said.strip()
    yield said
    if len(said) > _LONGEST:
        return
    yield from (block.strip() for block in _FENCED.findall(said))
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = said.find(opening), said.rfind(closing)
        if start >= 0:
            if end > start:
                yield said[start : end + 1]
            if (part := _first_value(said, start)) is not None:
                yield part


def _first_value(text: str, start: int) -> str | None:
    """From an opening bracket to the one that closes it; what was cut off is closed."""
    open_: list[str] = []
    quoted = escaped = False
    for at in range(start, len(text)):
        sign = text[at]
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"':
            quoted = True
        elif sign in "{[":
            open_.append("}" if sign == "{" else "]")
        elif sign in "}]":
            if not open_ or open_.pop() != sign:
                return None
            if not open_:
                return text[start : at + 1]
    return text[start:].rstrip().rstrip(",") + ('"' if quoted else "") + "".join(reversed(open_))


def _as_literal(text: str) -> Any:
    """Some models write Python: single quotes, True and None."""
    if len(text) > 100_000 or not text.startswith(("{", "[")):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
