"""Conditions over values: what if-else chooses by, and what ends a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from apps.workflows.engine.errors import MissingValue, WrongType
from apps.workflows.engine.node import Use
from apps.workflows.engine.variables import MISSING, Reference, Template, Values
from apps.workflows.nodes.comparison import BINARY, UNARY
from apps.workflows.nodes.keyed import KeyedConditions, compile_keyed, keyed_conditions, keyed_uses, text_or_constant
from apps.workflows.nodes.shapes import REFERENCE, Schema, closed, uses

Logical = Literal["and", "or"]
#: How many of a list's items must meet the conditions of `where`, by operator.
_WHERE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "contains": lambda met, _count: met > 0,
    "not_contains": lambda met, _count: met == 0,
    "all_of": lambda met, count: met == count,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`right` is a constant, or a text with values inserted; `where` asks about the items of a list instead."""

    left: Reference
    op: str
    right: Any = None
    where: KeyedConditions | None = None

    def holds(self, values: Values) -> bool:
        """Whether the comparison is true. Raises MissingValue where there is nothing to compare."""
        value = values.find(self.left)
        if self.op in UNARY:
            return UNARY[self.op](value)
        if value is MISSING:
            raise MissingValue(self.left.path)
        if self.where is not None:
            items = _items(value)
            return _WHERE[self.op](len(self.where.chosen(items, values)), len(items))
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
    where = condition.get("where")
    return Condition(
        left=Reference.parse(condition["left"]),
        op=condition["op"],
        right=text_or_constant(condition.get("right")),
        where=None if where is None else compile_keyed(where),
    )


def _items(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return value
    raise WrongType(field="left", expected="a list", got="a text" if isinstance(value, str) else type(value).__name__)


def condition_uses(pointer: str, conditions: Sequence[Mapping[str, Any]]) -> Iterator[Use]:
    """The references that conditions at `pointer` make."""
    for place, condition in enumerate(conditions):
        yield from uses(f"{pointer}/{place}/left", condition["left"], optional=condition["op"] in UNARY)
        right = condition.get("right")
        if isinstance(right, str) and "{{" in right:
            yield from uses(f"{pointer}/{place}/right", right)
        if "where" in condition:
            yield from keyed_uses(f"{pointer}/{place}/where", condition["where"])


CONDITION: Schema = closed(
    {
        "left": REFERENCE,
        "op": {"enum": [*BINARY, *UNARY]},
        "right": {},
        "where": keyed_conditions(key_required=True),
    },
    required=["left", "op"],
    more={
        "allOf": [
            {
                "if": {"required": ["where"]},
                "then": {"properties": {"op": {"enum": list(_WHERE)}}},
                "else": {
                    "if": {"properties": {"op": {"enum": list(BINARY)}}, "required": ["op"]},
                    "then": {"required": ["right"]},
                },
            }
        ]
    },
)
