"""What every tool of ours is, and the check of what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import jsonschema
import orjson

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.tool_port import ToolInfo, ToolResult

Schema = Mapping[str, Any]
MAX_PROBLEMS = 5


class Tool(Protocol):
    """Something that nodes and agents may use."""

    @property
    def info(self) -> ToolInfo: ...

    async def call(self, parameters: Mapping[str, Any], *, key: str) -> ToolResult:
        """Do it. The parameters agree with the tool's schema. Raises NodeFailure."""
        ...


def parameters(properties: Mapping[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """The JSON Schema of a tool's parameters."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def checked(info: ToolInfo, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool is given, with texts read as the numbers and lists that it wants. Raises NodeFailure."""
    wanted = info.parameters.get("properties", {})
    values = {
        name: _read_as(wanted.get(name, {}), value)
        for name, value in given.items()
        if value is not None or name in info.parameters.get("required", ())
    }
    validator = jsonschema.Draft202012Validator(info.parameters)
    problems = [_problem(error) for _, error in zip(range(MAX_PROBLEMS), validator.iter_errors(values), strict=False)]
    if problems:
        raise NodeFailure("tool_parameters", f"{info.name}: {' '.join(problems)}", details={"problems": problems})
    return values


def _problem(error: Any) -> str:
    where = ".".join(map(str, error.absolute_path))
    return f"{where}: {error.message[:300]}." if where else f"{error.message[:300]}."


def _read_as(schema: Schema, value: Any) -> Any:
    """A text, as texts with insertions give it, where something else is wanted."""
    kind = schema.get("type")
    if not isinstance(value, str) or kind in (None, "string") or (isinstance(kind, list) and "string" in kind):
        return str(value) if kind == "string" and isinstance(value, (int, float)) else value
    try:
        return orjson.loads(value.strip())
    except orjson.JSONDecodeError:
        return value
