"""end: names the outputs of a workflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import Source, parse_source, resolve
from apps.workflows.nodes.shapes import NAME, SOURCE, closed, escape, uses


@dataclass(frozen=True, slots=True, kw_only=True)
class EndConfig:
    """`outputs` maps a name to a reference, or to a text with values inserted."""

    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Gathers the named values; where there is none, the output is null."""

    outputs: tuple[tuple[str, Source], ...]

    async def run(self, context: NodeContext) -> NodeResult:
        return NodeResult(outputs={name: resolve(source, context.values) for name, source in self.outputs})


def _compile(config: Config) -> End:
    outputs = EndConfig(**config).outputs
    return End(outputs=tuple((name, parse_source(text)) for name, text in outputs.items()))


def _outputs(config: Config) -> frozenset[str]:
    return frozenset(config["outputs"])


def _uses(config: Config) -> Iterator[Use]:
    for name, text in config["outputs"].items():
        yield from uses(f"/outputs/{escape(name)}", text)


END = NodeType(
    name="end",
    schema=closed(
        {"outputs": {"type": "object", "propertyNames": NAME, "additionalProperties": SOURCE, "minProperties": 1}},
        required=["outputs"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
