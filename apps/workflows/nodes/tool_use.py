"""Use a tool by its name: one of the team's, or another workflow of the team's, which runs inside this run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from apps.workflows.engine.callee import PREFIX
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.tool_port import ToolInfo, ToolResult
from apps.workflows.engine.variables import as_text

_MOST_FILES: Final = 100


async def describe(context: NodeContext, name: str) -> ToolInfo:
    """What a tool is and takes. Raises NodeFailure."""
    if not name.startswith(PREFIX):
        return await context.ports.tools.describe(name)
    callee = context.world.callee(name)
    if callee is None:
        raise NodeFailure("workflow_not_found", f"There is no published workflow {name!r}.", details={"tool": name})
    return callee.info


async def use(context: NodeContext, name: str, given: Mapping[str, Any], *, key: str = "") -> ToolResult:
    """Use it. Raises NodeFailure, also where a node of the workflow that is called fails."""
    callee = context.world.callee(name) if name.startswith(PREFIX) else None
    if callee is None:
        return await context.ports.tools.call(name, given, key=key)
    outputs = await context.world.call(callee, callee.check(given))
    return ToolResult(text=_text(outputs), json=dict(outputs), files=tuple(_files(outputs)))


def _text(outputs: Mapping[str, Any]) -> str:
    """The one text that the workflow gives, or all that it gives as JSON."""
    values = list(outputs.values())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else as_text(dict(outputs))


def _files(outputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    left = _MOST_FILES
    for value in outputs.values():
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, Mapping) and each.get("kind") == "file" and left > 0:
                left -= 1
                yield each
