"""tool: use one of the team's tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import Source, parse_source, references_of, resolve
from apps.workflows.nodes import tool_use
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.nodes.shapes import SOURCE, Schema, closed, escape, uses

#: `builtin/calculator`, `dataset/search`, `openapi/<toolset>/<operation>`, `workflow/<app>`.
TOOL_NAME: Final[Schema] = {
    "type": "string",
    "pattern": r"^[a-z][a-z0-9_-]*/\S(.*\S)?$",
    "maxLength": 500,
}
#: A source, or a value as it stands.
PARAMETERS: Final[Schema] = {
    "type": "object",
    "maxProperties": 100,
    "additionalProperties": {"oneOf": [SOURCE, closed({"value": {}}, required=["value"])]},
}
Given = tuple[str, Source | None, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a tool is given: from where, or which value."""

    given: tuple[Given, ...] = ()

    @classmethod
    def parse(cls, written: Mapping[str, Any] | None) -> Parameters:
        return cls(
            given=tuple(
                (name, parse_source(each), None) if isinstance(each, str) else (name, None, each["value"])
                for name, each in (written or {}).items()
            )
        )

    def read(self, context: NodeContext) -> tuple[dict[str, Any], Secrets]:
        """The values, and what of them may be secret."""
        references = (each for _, source, _ in self.given if source is not None for each in references_of(source))
        values = {
            name: value if source is None else resolve(source, context.values) for name, source, value in self.given
        }
        return values, Secrets.among(references, context.values)


def parameter_uses(pointer: str, written: Mapping[str, Any] | None) -> Iterator[Use]:
    """The references that parameters at `pointer` make."""
    for name, each in (written or {}).items():
        if isinstance(each, str):
            yield from uses(f"{pointer}/{escape(name)}", each, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolNode:
    """Gives the tool its parameters and passes on what it gives."""

    tool: str
    parameters: Parameters

    async def run(self, context: NodeContext) -> NodeResult:
        values, secrets = self.parameters.read(context)
        context.inputs = {"tool": self.tool, "parameters": secrets.hide_in(values)}
        try:
            info = await tool_use.describe(context, self.tool)
            context.process = {"label": info.label, "acts": info.acts}
            key = await context.world.intend() if info.acts else ""
            result = await tool_use.use(context, self.tool, values, key=key)
        except NodeFailure as failure:
            raise secrets.hide_in_failure(failure) from None
        if result.text:
            context.text(result.text)
        return NodeResult(outputs={"text": result.text, "json": result.json, "files": list(result.files)})


def _compile(config: Config) -> ToolNode:
    return ToolNode(tool=config["tool"], parameters=Parameters.parse(config.get("parameters")))


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"text", "json", "files"})


def _uses(config: Config) -> Iterator[Use]:
    yield from parameter_uses("/parameters", config.get("parameters"))


TOOL = NodeType(
    name="tool",
    schema=closed({"tool": TOOL_NAME, "parameters": PARAMETERS}, required=["tool"]),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
