"""Conditions about the parts of one item: an attribute of a file, a key of an object, or the item itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.node import Use
from apps.workflows.engine.variables import MISSING, Template, Values
from apps.workflows.nodes.comparison import BINARY, UNARY
from apps.workflows.nodes.shapes import Schema, closed, uses

_OPERATORS: Final = [*BINARY, *UNARY]
_KEY: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 200}
LOGICAL: Final[Schema] = {"enum": ["and", "or"], "default": "and"}
_NEEDS_RIGHT: Final[Schema] = {
    "if": {"properties": {"op": {"enum": list(BINARY)}}, "required": ["op"]},
    "then": {"required": ["right"]},
}


def keyed_conditions(*, key_required: bool) -> Schema:
    """The schema of a group of conditions about an item."""
    condition = closed(
        {"key": _KEY, "op": {"enum": _OPERATORS}, "right": {}},
        required=["key", "op"] if key_required else ["op"],
        more=_NEEDS_RIGHT,
    )
    return closed(
        {"logical": LOGICAL, "conditions": {"type": "array", "minItems": 1, "items": condition}},
        required=["conditions"],
    )


def part_of(item: Any, key: str | None) -> Any:
    """An item's attribute, MISSING where it has none; without a key the item itself."""
    if key is None:
        return item
    return item.get(key, MISSING) if isinstance(item, Mapping) else MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedCondition:
    """`right` is a constant, or a text with values inserted."""

    key: str | None
    op: str
    right: Any = None

    def holds(self, item: Any, right: Any) -> bool:
        """Whether the comparison is true of the item; an attribute that it does not have is like null."""
        value = part_of(item, self.key)
        if self.op in UNARY:
            return UNARY[self.op](value)
        return BINARY[self.op](None if value is MISSING else value, right)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedConditions:
    """Conditions that an item must meet, all of them (`and`) or any (`or`)."""

    logical: str
    conditions: tuple[KeyedCondition, ...]

    def chosen(self, items: Sequence[Any], values: Values) -> list[Any]:
        """The items that meet them."""
        rights = [
            each.right.render(values) if isinstance(each.right, Template) else each.right for each in self.conditions
        ]
        every = any if self.logical == "or" else all
        pairs = list(zip(self.conditions, rights, strict=True))
        return [item for item in items if every(condition.holds(item, right) for condition, right in pairs)]


def compile_keyed(group: Mapping[str, Any]) -> KeyedConditions:
    """The conditions of a document."""
    return KeyedConditions(
        logical=group.get("logical", "and"),
        conditions=tuple(
            KeyedCondition(key=each.get("key"), op=each["op"], right=text_or_constant(each.get("right")))
            for each in group["conditions"]
        ),
    )


def text_or_constant(right: Any) -> Any:
    """What a condition compares with: a text with insertions is compiled, anything else stays as it is."""
    return Template.parse(right) if isinstance(right, str) and "{{" in right else right


def keyed_uses(pointer: str, group: Mapping[str, Any]) -> Iterator[Use]:
    """The references that a group at `pointer` makes."""
    for place, condition in enumerate(group["conditions"]):
        right = condition.get("right")
        if isinstance(right, str) and "{{" in right:
            yield from uses(f"{pointer}/conditions/{place}/right", right)
