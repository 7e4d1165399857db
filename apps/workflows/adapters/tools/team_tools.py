"""The engine's tool port: our own tools, and what the team has imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from apps.workflows.adapters.tools.calculator import Calculator
from apps.workflows.adapters.tools.clock import ConvertTime, CurrentTime
from apps.workflows.adapters.tools.dataset_search import DatasetSearch
from apps.workflows.adapters.tools.openapi import Operation
from apps.workflows.adapters.tools.tool import Tool, checked
from apps.workflows.adapters.tools.web_reader import WebReader
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.file_port import FilePort
from apps.workflows.engine.http_port import HttpPort
from apps.workflows.engine.ports import RetrievalPort
from apps.workflows.engine.tool_port import ToolInfo, ToolResult
from apps.workflows.selectors.toolsets import Service, service_of
from support.database import in_thread
from support.errors import ConsoleError

OPENAPI: Final = "openapi"
#: The tools that every team has.
OWN_TOOLS: Final = frozenset(
    each.info.name for each in (CurrentTime, ConvertTime, Calculator, WebReader, DatasetSearch)
)


class TeamTools:
    """Finds tools by name for one team and keeps them for the run."""

    def __init__(self, team_id: UUID, *, http: HttpPort, files: FilePort, retrieval: RetrievalPort) -> None:
        self._team_id = team_id
        self._http = http
        self._services: dict[str, Service] = {}
        tools: tuple[Tool, ...] = (
            CurrentTime(),
            ConvertTime(),
            Calculator(),
            WebReader(files),
            DatasetSearch(retrieval),
        )
        self._own = {tool.info.name: tool for tool in tools}

    async def describe(self, name: str) -> ToolInfo:
        """What a tool is and takes. Raises NodeFailure."""
        return (await self._tool(name)).info

    async def call(self, name: str, parameters: Mapping[str, Any], *, key: str = "") -> ToolResult:
        """Check what it is given, and use the tool. Raises NodeFailure."""
        tool = await self._tool(name)
        return await tool.call(checked(tool.info, parameters), key=key)

    async def _tool(self, name: str) -> Tool:
        if name in self._own:
            return self._own[name]
        kind, _, rest = name.partition("/")
        toolset, _, operation = rest.partition("/")
        if kind != OPENAPI or not operation:
            raise _missing(name)
        service = await self._service(toolset)
        found = service.operations.get(operation)
        if found is None:
            raise _missing(name)
        return Operation(service, found, self._http)

    async def _service(self, name: str) -> Service:
        if name not in self._services:
            try:
                self._services[name] = await in_thread(service_of, name, team_id=self._team_id)
            except ConsoleError as exc:
                raise NodeFailure(exc.code, exc.message, details=exc.details) from exc
            except (OperationalError, InterfaceError) as exc:
                raise NodeFailure("unavailable", "The database does not answer.", retryable=True) from exc
        return self._services[name]


def _missing(name: str) -> NodeFailure:
    return NodeFailure("tool_not_found", f"There is no tool {name!r}.", details={"tool": name})
