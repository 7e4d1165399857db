"""if-else: go on by the first case whose conditions hold, or by `else`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apps.workflows.engine.errors import MissingValue
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import MISSING, Reference, Template, Values
from apps.workflows.nodes.comparison import BINARY, UNARY
from apps.workflows.nodes.shapes import NAME, REFERENCE, closed, uses

#: The way on when no case holds.
ELSE = "else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`right` is a constant, or a text with values inserted."""

    left: Reference
    op: str
    right: Any = None

    def holds(self, values: Values) -> bool:
        """Whether the comparison is true. Raises MissingValue where there is nothing to compare."""
        value = values.find(self.left)
        if self.op in UNARY:
            return UNARY[self.op](value)
        if value is MISSING:
            raise MissingValue(self.left.path)
        right = self.right.render(values) if isinstance(self.right, Template) else self.right
        return BINARY[self.op](value, right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Conditions that must hold, all of them (`and`) or any (`or`)."""

    id: str
    logical: Literal["and", "or"]
    conditions: tuple[Condition, ...]

    def holds(self, values: Values) -> bool:
        """Whether this case is the one; looks no further than it must."""
        held = (condition.holds(values) for condition in self.conditions)
        return any(held) if self.logical == "or" else all(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class IfElse:
    """Tries the cases in order."""

    cases: tuple[Case, ...]

    async def run(self, context: NodeContext) -> NodeResult:
        values = context.values
        context.inputs = {
            condition.left.path: values.get(condition.left) for case in self.cases for condition in case.conditions
        }
        chosen = next((case.id for case in self.cases if case.holds(values)), ELSE)
        return NodeResult(outputs={"case": chosen, "result": chosen != ELSE}, handle=chosen)


def _compile(config: Config) -> IfElse:
    return IfElse(
        cases=tuple(
            Case(
                id=case["id"],
                logical=case.get("logical", "and"),
                conditions=tuple(map(_condition, case["conditions"])),
            )
            for case in config["cases"]
        )
    )


def _condition(condition: Mapping[str, Any]) -> Condition:
    right = condition.get("right")
    if isinstance(right, str) and "{{" in right:
        right = Template.parse(right)
    return Condition(left=Reference.parse(condition["left"]), op=condition["op"], right=right)


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"case", "result"})


def _handles(config: Config) -> tuple[str, ...]:
    return (*(case["id"] for case in config["cases"]), ELSE)


def _uses(config: Config) -> Iterator[Use]:
    for at, case in enumerate(config["cases"]):
        for place, condition in enumerate(case["conditions"]):
            pointer = f"/cases/{at}/conditions/{place}"
            yield from uses(f"{pointer}/left", condition["left"], optional=condition["op"] in UNARY)
            right = condition.get("right")
            if isinstance(right, str) and "{{" in right:
                yield from uses(f"{pointer}/right", right)


_CONDITION = closed(
    {"left": REFERENCE, "op": {"enum": [*BINARY, *UNARY]}, "right": {}},
    required=["left", "op"],
    more={"if": {"properties": {"op": {"enum": list(BINARY)}}, "required": ["op"]}, "then": {"required": ["right"]}},
)

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
                        "conditions": {"type": "array", "minItems": 1, "items": _CONDITION},
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
