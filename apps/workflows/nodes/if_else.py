"""if-else: go on by the first case whose conditions hold, or by `else`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.nodes.conditions import CONDITION, Conditions, compile_conditions, condition_uses
from apps.workflows.nodes.shapes import NAME, closed

#: The way on when no case holds.
ELSE = "else"


@dataclass(frozen=True, slots=True, kw_only=True)
class IfElse:
    """Tries the cases in order."""

    cases: tuple[tuple[str, Conditions], ...]

    async def run(self, context: NodeContext) -> NodeResult:
        values = context.values
        context.inputs = {
            condition.left.path: values.get(condition.left) for _, case in self.cases for condition in case.conditions
        }
        chosen = next((name for name, case in self.cases if case.hold(values)), ELSE)
        return NodeResult(outputs={"case": chosen, "result": chosen != ELSE}, handle=chosen)


def _compile(config: Config) -> IfElse:
    cases = config["cases"]
    return IfElse(
        cases=tuple((case["id"], compile_conditions(case["conditions"], case.get("logical", "and"))) for case in cases)
    )


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"case", "result"})


def _handles(config: Config) -> tuple[str, ...]:
    return (*(case["id"] for case in config["cases"]), ELSE)


def _uses(config: Config) -> Iterator[Use]:
    for at, case in enumerate(config["cases"]):
        yield from condition_uses(f"/cases/{at}/conditions", case["conditions"])


IF_ELSE = NodeType(
    name="if-else",
    schema=closed(
        {
            "cases": {
                "type": "array",
                "minItems": 1,
                "items": closed(
                    {
                        "id": {**NAME, "not": {"enum": [ELSE, "error", "timeout"]}},
                        "logical": {"enum": ["and", "or"], "default": "and"},
                        "conditions": {"type": "array", "minItems": 1, "items": CONDITION},
                    },
                    required=["id", "conditions"],
                ),
            }
        },
        required=["cases"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    handles=_handles,
)
