"""trigger-webhook: a run begins with a request to an address of its own; gives what the request held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.engine.variables import Reference
from apps.workflows.nodes.shapes import TEXT, Schema, closed

#: Where a run keeps what set it off.
TRIGGERED: Final = Reference.parse("sys.trigger")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
PLAIN, BINARY = "text/plain", "application/octet-stream"
CONTENT_TYPES: Final = (JSON, FORM, MULTIPART, PLAIN, BINARY)
PLAIN_TYPES: Final = ("string", "number", "integer", "boolean")
BODY_TYPES: Final = (
    *(*PLAIN_TYPES, "object", "file"),
    *("array[string]", "array[number]", "array[boolean]", "array[object]", "array[file]"),
)
#: The output that holds the request as it came.
REQUEST: Final = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerWebhook:
    """Hands on what the request held, each declared value under its name; null where there was none."""

    names: tuple[str, ...]

    async def run(self, context: NodeContext) -> NodeResult:
        given = context.values.get(TRIGGERED)
        held: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        values: Mapping[str, Any] = held.get("values") or {}
        request = held.get(REQUEST)
        context.inputs = request if isinstance(request, Mapping) else {}
        return NodeResult(outputs={**{name: values.get(name) for name in self.names}, REQUEST: request})


def output_name(name: str) -> str:
    """What a header or parameter is called as an output: references know no dash after a node's id."""
    return name.replace("-", "_")


def declared(config: Config) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every declared value with its place: headers, params or body."""
    for place in ("headers", "params", "body"):
        for one in config.get(place) or ():
            yield place, one


def _names(config: Config) -> tuple[str, ...]:
    return tuple(output_name(one["name"]) for _place, one in declared(config))


def _compile(config: Config) -> TriggerWebhook:
    return TriggerWebhook(names=_names(config))


def _outputs(config: Config) -> frozenset[str]:
    return frozenset((*_names(config), REQUEST))


def _values(types: tuple[str, ...]) -> Schema:
    name = {
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$",
        "maxLength": 100,
        "not": {"enum": [REQUEST, "error"]},
    }
    one = closed(
        {"name": name, "type": {"enum": list(types), "default": "string"}, "required": {"type": "boolean"}},
        required=["name"],
    )
    return {"type": "array", "items": one, "maxItems": 100}


TRIGGER_WEBHOOK = NodeType(
    name="trigger-webhook",
    schema=closed(
        {
            "method": {"enum": list(METHODS), "default": "POST"},
            "content_type": {"enum": list(CONTENT_TYPES), "default": JSON},
            "headers": _values(PLAIN_TYPES),
            "params": _values(PLAIN_TYPES),
            "body": _values(BODY_TYPES),
            "respond": closed({"status": {"type": "integer", "minimum": 200, "maximum": 599}, "body": TEXT}),
            "async": {"type": "boolean"},
        }
    ),
    compile=_compile,
    outputs=_outputs,
    entry=True,
)
