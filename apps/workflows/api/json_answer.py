"""Texts that are JSON but for what they insert: whatever the values hold, they stay JSON of the same form."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from apps.workflows.engine.variables import Reference, Template, Values, as_text


def json_text(text: str, values: Values) -> str | None:
    """The text with its values in place; None for one that is no object or list without them.

    Between quotes a value becomes part of the text there, elsewhere a JSON value.
    """
    template = Template.parse(text)
    try:
        bare = orjson.loads(_filled(template, lambda _reference, quoted: "" if quoted else "null"))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(bare, (dict, list)):
        return None
    return _filled(template, lambda reference, quoted: _written(values.get(reference), quoted=quoted))


def _filled(template: Template, fill: Callable[[Reference, bool], str]) -> str:
    pieces, quoted = [], False
    for segment in template.segments:
        if isinstance(segment, Reference):
            pieces.append(fill(segment, quoted))
        else:
            pieces.append(segment)
            quoted = _ends_quoted(segment, quoted)
    return "".join(pieces)


def _ends_quoted(text: str, quoted: bool) -> bool:
    """Whether a piece of JSON ends inside a text, given how it began."""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
    return quoted


def _written(value: object, *, quoted: bool) -> str:
    written = orjson.dumps(as_text(value) if quoted else value, default=str).decode()
    return written[1:-1] if quoted else written
