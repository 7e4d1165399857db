"""Conditions on a record's payload, the same for every store.

A payload value is a string, a number or a boolean. A condition on a key that a record does not carry is false, with
the exceptions of `ne`, `nin` and `exists=False`. Comparing by order holds only between values of one type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from apps.datasets.vectorstores.errors import UnknownFilter

Value = str | int | float | bool
Operator = Literal["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists"]
OPERATORS: tuple[Operator, ...] = ("eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists")


@dataclass(frozen=True, slots=True)
class Where:
    """One condition. `value` is a sequence for in and nin, and a boolean for exists."""

    key: str
    operator: Operator
    value: Value | tuple[Value, ...]

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise UnknownFilter(f"There is no filter operator {self.operator!r}.", operator=self.operator)
        if isinstance(self.value, tuple) != (self.operator in ("in", "nin")):
            raise UnknownFilter(f"{self.operator} does not take {type(self.value).__name__}.", key=self.key)
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        if not all(isinstance(value, (str, int, float, bool)) for value in values):
            raise UnknownFilter("A filter compares with text, numbers and true or false only.", key=self.key)
        if any(isinstance(value, float) and not math.isfinite(value) for value in values):
            raise UnknownFilter("A filter compares with finite numbers.", key=self.key)
        if self.operator == "exists" and not isinstance(self.value, bool):
            raise UnknownFilter("exists takes true or false.", key=self.key)
        if self.operator in ("gt", "gte", "lt", "lte") and isinstance(self.value, bool):
            raise UnknownFilter("True and false have no order.", key=self.key)


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; holds when there is none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; fails when there is none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter = Where | All | AnyOf | Not


def check_filter(condition: Filter | None) -> None:
    """Raise UnknownFilter for anything in it that is not one of ours."""
    match condition:
        case None | Where():
            return
        case All(parts) | AnyOf(parts):
            for part in parts:
                check_filter(part)
        case Not(part):
            check_filter(part)
        case _:
            raise UnknownFilter(f"There is no filter {type(condition).__name__}.")


def matches(condition: Filter | None, payload: Mapping[str, Value]) -> bool:
    """Whether a payload fulfils the condition: the meaning that every store must agree with."""
    match condition:
        case None:
            return True
        case All(parts):
            return all(matches(part, payload) for part in parts)
        case AnyOf(parts):
            return any(matches(part, payload) for part in parts)
        case Not(part):
            return not matches(part, payload)
        case Where():
            return _holds(condition, payload)
    raise UnknownFilter(f"There is no filter {type(condition).__name__}.")


def _holds(where: Where, payload: Mapping[str, Value]) -> bool:
    present = where.key in payload
    found = payload.get(where.key)
    match where.operator, where.value:
        case "exists", wanted:
            return present == wanted
        case "eq", wanted:
            return present and _same(found, wanted)
        case "ne", wanted:
            return not (present and _same(found, wanted))
        case "in", tuple(options):
            return present and any(_same(found, option) for option in options)
        case "nin", tuple(options):
            return not (present and any(_same(found, option) for option in options))
    return present and _ordered(where.operator, found, where.value)


def _same(found: object, wanted: object) -> bool:
    # In Python True == 1; in a payload they are two things.
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted


def _ordered(operator: str, found: object, wanted: object) -> bool:
    numbers = isinstance(found, (int, float)) and isinstance(wanted, (int, float)) and not isinstance(found, bool)
    if not numbers and not (isinstance(found, str) and isinstance(wanted, str)):
        return False
    comparison: dict[str, bool] = {
        "gt": found > wanted,  # type: ignore[operator]
        "gte": found >= wanted,  # type: ignore[operator]
        "lt": found < wanted,  # type: ignore[operator]
        "lte": found <= wanted,  # type: ignore[operator]
    }
    return comparison[operator]
