"""What nodes need of tools: what there is, how it is called, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolInfo:
    """A tool: `parameters` is a JSON Schema of an object. One that `acts` changes something in the world."""

    name: str
    label: str
    description: str
    parameters: Mapping[str, Any]
    acts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool gave: text for people and models, the same as data where there is some, and files."""

    text: str
    json: Any = None
    files: Sequence[Mapping[str, Any]] = field(default=())


class ToolPort(Protocol):
    """The tools of the run's team. Raises NodeFailure: tool_not_found, tool_parameters, tool_failed ..."""

    async def describe(self, name: str) -> ToolInfo:
        """What a tool is and takes."""
        ...

    async def call(self, name: str, parameters: Mapping[str, Any], *, key: str = "") -> ToolResult:
        """Use a tool; one that acts passes `key` on, so that whoever it talks to knows a repetition."""
        ...
