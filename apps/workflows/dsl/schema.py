"""The JSON Schema of a document, composed of the frame given here and one schema per node type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.workflows.engine.node import NodeType
from apps.workflows.nodes.registry import REGISTRY
from apps.workflows.nodes.shapes import NAME, Schema, closed

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_NODES: Final = 20_000

_DURATION: Schema = {
    "oneOf": [
        {"type": "string", "pattern": r"^(?=[0-9.]*[1-9])[0-9]{1,9}(\.[0-9]{1,6})?(ms|s|m|h)$"},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400},
    ]
}
_CODE: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}

APP: Final = closed(
    {
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "kind": {"enum": ["chat", "workflow"]},
        "description": {"type": "string", "maxLength": 10_000},
        "icon": {"type": "string", "maxLength": 16},
    },
    required=["name", "kind"],
)
INPUT: Final = closed(
    {
        "name": NAME,
        "label": {"type": "string", "maxLength": 200},
        "type": {"enum": ["text", "paragraph", "select", "number", "boolean", "file", "files", "json"]},
        "description": {"type": "string"},
        "required": {"type": "boolean"},
        "default": {},
        "options": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "max_length": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "file_types": {
            "type": "array",
            "items": {"enum": ["image", "document", "audio", "video", "custom"]},
            "minItems": 1,
        },
        "extensions": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 100},
        "max_files": {"type": "integer", "minimum": 1, "maximum": 100},
    },
    required=["name", "type"],
    more={
        "if": {"properties": {"type": {"const": "select"}}, "required": ["type"]},
        "then": {"required": ["options"]},
    },
)
_ITEM_TYPES: Final = ("string", "number", "integer", "boolean", "object", "file", "any")
VARIABLE_TYPES: Final = (
    *("string", "number", "integer", "boolean", "object", "secret", "file", "array"),
    *(f"array[{name}]" for name in _ITEM_TYPES),
)
_VARIABLE = closed(
    {
        "name": NAME,
        "type": {"enum": list(VARIABLE_TYPES)},
        "default": {},
        "description": {"type": "string"},
    },
    required=["name", "type"],
)
VARIABLES: Final = closed(
    {
        "conversation": {"type": "array", "items": _VARIABLE},
        "environment": {"type": "array", "items": _VARIABLE},
    }
)
FEATURES: Final = closed(
    {
        "opening": {"type": "string", "maxLength": 10_000},
        "suggested": {"type": "array", "items": {"type": "string", "maxLength": 500}, "maxItems": 50},
        "citations": {"type": "boolean"},
        "annotation_reply": closed(
            {"threshold": {"type": "number", "minimum": 0, "maximum": 1}}, required=["threshold"]
        ),
    }
)
ON_ERROR: Final = closed(
    {
        "retry": closed(
            {
                "times": {"type": "integer", "minimum": 0, "maximum": 10},
                "backoff": {"enum": ["exponential", "fixed"], "default": "exponential"},
                "first": _DURATION,
                "longest": _DURATION,
                "on": {"type": "array", "items": _CODE, "minItems": 1},
            },
            required=["times"],
        ),
        "then": {"enum": ["fail", "branch", "default"], "default": "fail"},
        "outputs": {"type": "object"},
    },
    more={
        "if": {"properties": {"then": {"const": "default"}}, "required": ["then"]},
        "then": {"required": ["outputs"]},
    },
)
NODE: Final = closed(
    {
        "id": NAME,
        "type": {"type": "string"},
        "title": {"type": "string", "maxLength": 200},
        "description": {"type": "string", "maxLength": 10_000},
        "join": {"enum": ["first", "all"]},
        "config": {"type": "object"},
        "on_error": ON_ERROR,
        "timeout": _DURATION,
    },
    required=["id", "type"],
)
EDGE: Final = closed(
    {"from": {"type": "string"}, "to": {"type": "string"}, "when": {"type": "string"}}, required=["from", "to"]
)
#: Everything but what is inside nodes, edges and inputs, which are checked one by one.
FRAME: Final = closed(
    {
        "skep": {"const": 1},
        "app": APP,
        "inputs": {"type": "array", "maxItems": 200},
        "variables": VARIABLES,
        "features": FEATURES,
        "nodes": {"type": "array", "minItems": 1, "maxItems": MAX_NODES},
        "edges": {"type": "array", "maxItems": 10 * MAX_NODES},
        "canvas": {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": {"type": "number"},
                "minItems": 2,
                "maxItems": 2,
            },
        },
    },
    required=["skep", "app", "nodes"],
)


def document_schema() -> dict[str, Any]:
    """The whole schema (JSON Schema 2020-12), as editors and other programs want it."""
    types = sorted(REGISTRY)
    node = {**NODE, "properties": {**NODE["properties"], "type": {"enum": types}}}
    node["allOf"] = [_config_of(name, REGISTRY[name].schema) for name in types]
    properties = {
        **FRAME["properties"],
        "inputs": {"type": "array", "items": {"$ref": "#/$defs/input"}},
        "nodes": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/node"}},
        "edges": {"type": "array", "items": {"$ref": "#/$defs/edge"}},
    }
    return {
        "$schema": DIALECT,
        "title": "Skep app document",
        **FRAME,
        "properties": properties,
        "$defs": {
            "input": INPUT,
            "edge": EDGE,
            "node": node,
            **{f"config-{name}": REGISTRY[name].schema for name in types},
        },
    }


def node_types() -> list[NodeType]:
    """The node types there are, by name."""
    return [REGISTRY[name] for name in sorted(REGISTRY)]


def node_schema(name: str) -> dict[str, Any]:
    """The schema of one node type (JSON Schema 2020-12): the whole node, with its configuration."""
    config = REGISTRY[name].schema
    required = [*NODE["required"], "config"] if config.get("required") else NODE["required"]
    properties = {**NODE["properties"], "type": {"const": name}, "config": config}
    return {"$schema": DIALECT, "title": name, **NODE, "properties": properties, "required": required}


def _config_of(name: str, schema: Mapping[str, Any]) -> Schema:
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/$defs/config-{name}"}}}
    if schema.get("required"):
        then["required"] = ["config"]
    return {"if": {"properties": {"type": {"const": name}}}, "then": then}
