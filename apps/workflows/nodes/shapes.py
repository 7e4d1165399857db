"""The pieces of JSON Schema that node configurations are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apps.workflows.engine.node import Use
from apps.workflows.engine.variables import PATH, parse_source, references_of

Schema = Mapping[str, Any]

#: A name that becomes part of a reference.
NAME: Schema = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": 64}
#: A dotted path to a value.
REFERENCE: Schema = {"type": "string", "pattern": f"^{PATH.pattern}$", "maxLength": 400, "format": "reference"}
#: A text in which `{{ path }}` inserts a value.
TEXT: Schema = {"type": "string", "format": "template"}
#: A dotted path, or a text with insertions.
SOURCE: Schema = {
    "type": "string",
    "pattern": rf"^{PATH.pattern}$|\{{\{{",
    "format": "reference-or-template",
}
#: The graph inside a container; its nodes and edges are checked one by one, like those outside.
BODY: Schema = {
    "type": "object",
    "properties": {"nodes": {"type": "array", "minItems": 1}, "edges": {"type": "array"}},
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
    "required": ["nodes"],
}


def closed(properties: Mapping[str, Schema], *, required: Sequence[str] = (), more: Schema | None = None) -> Schema:
    """An object with these keys and no others, save those that start with `x-`; `more` are further rules."""
    return {
        "type": "object",
        "properties": dict(properties),
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
        "required": list(required),
        **(more or {}),
    }


def uses(pointer: str, text: str, *, optional: bool = False) -> Iterator[Use]:
    """The references that a field of either form makes."""
    for reference in references_of(parse_source(text)):
        yield Use(pointer=pointer, reference=reference, optional=optional)


def escape(key: str) -> str:
    """A key as one part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
