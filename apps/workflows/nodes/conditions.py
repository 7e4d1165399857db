"""Conditions over values: what if-else chooses by, and what ends a loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from apps.workflows.engine.errors import MissingValue
from apps.workflows.engine.node import Use
from apps.workflows.engine.variables import MISSING, Reference, Template, Values
from apps.workflows.nodes.comparison import BINARY, UNARY
from apps.workflows.nodes.shapes import REFERENCE, Schema, closed, uses

Logical = Literal["and", "or"]


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
class Conditions:
    """Conditions that must hold, all of them (`and`) or any (`or`)."""

    logical: Logical
    conditions: tuple[Condition, ...]

    def hold(self, values: Values) -> bool:
        """Whether they do; looks no further than it must."""
        held = (condition.holds(values) for condition in self.conditions)
        return any(held) if self.logical == "or" else all(held)


def compile_conditions(conditions: Sequence[Mapping[str, Any]], logical: Logical) -> Conditions:
    """The conditions of a document."""
    return Conditions(logical=logical, conditions=tuple(map(_condition, conditions)))


def _condition(condition: Mapping[str, Any]) -> Condition:
    right = condition.get("right")
    if isinstance(right, str) and "{{" in right:
        right = Template.parse(right)
    return Condition(left=Reference.parse(condition["left"]), op=condition["op"], right=right)


def condition_uses(pointer: str, conditions: Sequence[Mapping[str, Any]]) -> Iterator[Use]:
    """The references that conditions at `pointer` make."""
    for place, condition in enumerate(conditions):
        yield from uses(f"{pointer}/{place}/left", condition["left"], optional=condition["op"] in UNARY)
        right = condition.get("right")
        if isinstance(right, str) and "{{" in right:
            yield from uses(f"{pointer}/{place}/right", right)


CONDITION: Schema = closed(
    {"left": REFERENCE, "op": {"enum": [*BINARY, *UNARY]}, "right": {}},
    required=["left", "op"],
    more={"if": {"properties": {"op": {"enum": list(BINARY)}}, "required": ["op"]}, "then": {"required": ["right"]}},
)
