"""Puts values into a JSON text so that it stays JSON, whatever the values hold.

A text inside quotes is escaped where it would end the string or break it; a text that is already written as JSON
strings are (`a\\nb`) stays as it is. Outside of quotes a value is written as JSON, and a text that is JSON goes in as
such. So nothing that somebody types into a chat can add keys to the body of a request.
"""

from __future__ import annotations

import json
import re
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.variables import MISSING, Template, Values, as_text
from apps.workflows.nodes.json_reply import NotJson, read_json

#: The inside of a JSON string.
_INSIDE = re.compile(r'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')


def render_json(template: Template, values: Values) -> tuple[str, bool]:
    """The JSON text with values in place, and whether it had to be repaired. Raises NodeFailure."""
    pieces: list[str] = []
    quoted = False
    for segment in template.segments:
        if isinstance(segment, str):
            pieces.append(segment)
            quoted = _quoted_after(segment, quoted)
        else:
            value = values.find(segment)
            pieces.append(_inside(as_text(None if value is MISSING else value)) if quoted else _outside(value))
    text = "".join(pieces)
    if not text.strip():
        return "", False
    try:
        json.loads(text)
        return text, False
    except (ValueError, RecursionError) as broken:
        return _repaired(text, broken), True


def _repaired(text: str, broken: Exception) -> str:
    """Trailing commas, missing brackets, Python's way of writing: small faults of the author, not of values."""
    start = text.lstrip()[:1]
    if start in ("{", "["):
        try:
            value = read_json(text)
        except NotJson:
            pass
        else:
            if isinstance(value, dict if start == "{" else list):
                return json.dumps(value, ensure_ascii=False)
    message = f"The body is not JSON once its values are in: {broken}."
    raise NodeFailure("http_bad_body", message[:500])


def _quoted_after(text: str, quoted: bool) -> bool:
    """Whether a string is open after this piece of the author's text."""
    escaped = False
    for sign in text:
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = quoted
        elif sign == '"':
            quoted = not quoted
    return quoted


def _inside(text: str) -> str:
    return text if _INSIDE.fullmatch(text) else json.dumps(text, ensure_ascii=False)[1:-1]


def _outside(value: Any) -> str:
    if value is None or value is MISSING:
        return "null"
    if isinstance(value, str):
        try:
            json.loads(value)
            return value
        except (ValueError, RecursionError):
            return json.dumps(value, ensure_ascii=False)
    return as_text(value)
