"""start: where a run begins; gives the inputs of the run."""

from __future__ import annotations

from dataclasses import dataclass

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.engine.variables import Reference
from apps.workflows.nodes.shapes import closed

_INPUTS = Reference.parse("inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Hands the run's inputs on as its own outputs."""

    async def run(self, context: NodeContext) -> NodeResult:
        inputs = dict(context.values.get(_INPUTS))
        context.inputs = inputs
        return NodeResult(outputs=inputs)


def _compile(_config: Config) -> Start:
    return Start()


def _outputs(_config: Config) -> frozenset[str] | None:
    return None


START = NodeType(name="start", schema=closed({}), compile=_compile, outputs=_outputs, entry=True)
