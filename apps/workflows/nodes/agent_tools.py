"""The tools that an agent has in hand: what the model is offered, and what comes of a call."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.ports import ToolCall, ToolOffer
from apps.workflows.engine.tool_port import ToolInfo, ToolResult
from apps.workflows.nodes import tool_use
from apps.workflows.nodes.json_reply import NotJson, read_object
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.nodes.tool import Parameters

#: What a model reads of one observation; more would crowd out everything else.
MAX_OBSERVATION_CHARS: Final = 30_000
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """A tool as the document gives it to the agent; `fixed` parameters are not the model's to choose."""

    tool: str
    fixed: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """A tool under the name that the model knows."""

    info: ToolInfo
    offer: ToolOffer
    fixed: Mapping[str, Any]
    secrets: Secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What came of a call. `arguments` are the model's own, `error` is the code of a failure."""

    name: str
    label: str
    arguments: Mapping[str, Any]
    text: str
    error: str = ""
    files: Sequence[Mapping[str, Any]] = field(default=())


class Toolbox:
    """Calls tools by the names that were offered. A tool that fails is an observation, not the end of the agent."""

    def __init__(self, tools: Mapping[str, InHand], context: NodeContext) -> None:
        self._tools = tools
        self._context = context
        self._acts: Counter[str] = Counter()

    @classmethod
    async def open(cls, lent: Sequence[Lent], context: NodeContext) -> Toolbox:
        """Look every tool up. Raises NodeFailure where one is not there."""
        tools: dict[str, InHand] = {}
        for each in lent:
            info = await tool_use.describe(context, each.tool)
            fixed, secrets = each.fixed.read(context)
            name = _free(_NOT_IN_A_NAME.sub("_", each.tool)[:60], tools)
            offer = ToolOffer(name=name, description=info.description, parameters=_open(info.parameters, fixed))
            tools[name] = InHand(info=info, offer=offer, fixed=fixed, secrets=secrets)
        return cls(tools, context)

    @property
    def offers(self) -> list[ToolOffer]:
        """What the model may ask for."""
        return [tool.offer for tool in self._tools.values()]

    def named(self, name: str) -> str:
        """The full name of the tool that the model calls so."""
        tool = self._tools.get(name)
        return tool.info.name if tool else name

    def recall(self, call: ToolCall) -> None:
        """A call whose outcome is known is not made again, but it counts: the same act later is another act."""
        tool = self._tools.get(call.name)
        if tool is not None and tool.info.acts:
            arguments = _arguments(call)
            if arguments is not None:
                self._acts[_act(tool, {**arguments, **tool.fixed})] += 1

    async def call(self, call: ToolCall, *, settled: bool = True) -> Observed:
        """Use a tool as the model wants; unless `settled`, an earlier process may have done so already.

        Raises NodeFailure only where it must not be done twice.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            return _failed(
                call.name, call.name, {}, "tool_not_found", f"There is no tool {call.name!r}. Tools: {known}."
            )
        arguments = _arguments(call)
        if arguments is None:
            message = "The arguments are no JSON object. Call the tool again with one."
            return _failed(tool.info.name, tool.info.label, {}, "tool_parameters", message)
        try:
            result = await self._use(tool, arguments, settled=settled)
        except NodeFailure as failure:
            if failure.code == "outcome_unknown":
                raise
            message = tool.secrets.hide(failure.message)
            return _failed(tool.info.name, tool.info.label, arguments, failure.code, message)
        return Observed(
            name=tool.info.name,
            label=tool.info.label,
            arguments=arguments,
            text=tool.secrets.hide(_cut(result.text)),
            files=result.files,
        )

    async def _use(self, tool: InHand, arguments: Mapping[str, Any], *, settled: bool) -> ToolResult:
        given = {**arguments, **tool.fixed}
        key = await self._intend(tool, given, settled=settled) if tool.info.acts else ""
        return await tool_use.use(self._context, tool.info.name, given, key=key)

    async def _intend(self, tool: InHand, given: Mapping[str, Any], *, settled: bool) -> str:
        """A key for this act alone: the same act, done again in the same run, has it again."""
        act = _act(tool, given)
        self._acts[act] += 1
        node_key = await self._context.world.intend(settled=settled)
        return hashlib.sha256(f"{node_key} {self._acts[act]} {act}".encode()).hexdigest()[:32]


def _arguments(call: ToolCall) -> Mapping[str, Any] | None:
    """The arguments that the model wrote; None where they are no object."""
    try:
        return read_object(call.arguments) if call.arguments.strip() else {}
    except NotJson:
        return None


def _act(tool: InHand, given: Mapping[str, Any]) -> str:
    return f"{tool.info.name} {json.dumps(given, sort_keys=True, default=str)}"


def _open(schema: Mapping[str, Any], fixed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters that are left for the model to choose."""
    if not fixed:
        return schema
    properties = {name: each for name, each in schema.get("properties", {}).items() if name not in fixed}
    required = [name for name in schema.get("required", ()) if name not in fixed]
    return {**schema, "properties": properties, "required": required}


def _free(wanted: str, taken: Mapping[str, Any]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _cut(text: str) -> str:
    if len(text) <= MAX_OBSERVATION_CHARS:
        return text
    return f"{text[:MAX_OBSERVATION_CHARS]}\n… ({len(text) - MAX_OBSERVATION_CHARS:,} more characters)"


def _failed(name: str, label: str, arguments: Mapping[str, Any], code: str, message: str) -> Observed:
    return Observed(name=name, label=label, arguments=arguments, text=f"Error ({code}): {message}", error=code)
