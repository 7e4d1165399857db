"""unavailable: stands where an imported document has a node that there is no counterpart of."""

from __future__ import annotations

from dataclasses import dataclass

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.nodes.shapes import closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Fails when it is reached, and says why; the rest of the document works."""

    reason: str

    async def run(self, _context: NodeContext) -> NodeResult:
        raise NodeFailure("node_unavailable", self.reason)


def _compile(config: Config) -> Unavailable:
    return Unavailable(reason=config["reason"])


UNAVAILABLE = NodeType(
    name="unavailable",
    schema=closed({"reason": {"type": "string", "minLength": 1, "maxLength": 2_000}}, required=["reason"]),
    compile=_compile,
    outputs=lambda _config: None,
)
