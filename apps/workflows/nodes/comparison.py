"""The operators of a condition, as functions of the value that is there and the one expected."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from apps.workflows.engine.errors import WrongType
from apps.workflows.engine.variables import MISSING, as_text, is_empty

Test = Callable[[Any, Any], bool]


def _contains(value: Any, expected: Any) -> bool:
    if value is None or value == "":
        return False
    if isinstance(value, (str, Mapping)):
        return as_text(expected) in value
    if isinstance(value, Sequence):
        return any(_same(item, expected) for item in value)
    raise WrongType(field="left", expected="a text or a list", got=_name(value))


def _starts(value: Any, expected: Any) -> bool:
    return as_text(value).startswith(as_text(expected))


def _ends(value: Any, expected: Any) -> bool:
    return as_text(value).endswith(as_text(expected))


def _same(value: Any, expected: Any) -> bool:
    """Equal as they read: 3 is "3", true is "true"; the text form is what an author can type."""
    if value is None or expected is None:
        return value is expected
    return bool(value == expected) or as_text(value) == as_text(expected)


def _in(value: Any, expected: Any) -> bool:
    if value is None:
        return False
    if isinstance(expected, str):
        return as_text(value) in expected
    return any(_same(value, item) for item in _list(expected))


def _all_of(value: Any, expected: Any) -> bool:
    if value is None:
        return False
    return all(_contains(value, item) for item in _list(expected))


def _list(expected: Any) -> Sequence[Any]:
    return expected if isinstance(expected, Sequence) and not isinstance(expected, str) else (expected,)


def _ordered(compare: Callable[[float, float], bool]) -> Test:
    def test(value: Any, expected: Any) -> bool:
        if value is None:
            return False
        return compare(as_number("left", value), as_number("right", expected))

    return test


def as_number(field: str, value: Any) -> float:
    """A number, also one that is written as a text. Raises WrongType."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
        try:
            return float(value)
        except ValueError:
            pass
    raise WrongType(field=field, expected="a number", got=_name(value))


def _name(value: Any) -> str:
    for kind, name in ((bool, "a boolean"), ((int, float), "a number"), (str, "a text"), (Mapping, "an object")):
        if isinstance(value, kind):
            return name
    return "nothing" if value is None else "a list"


def _not(test: Test) -> Test:
    return lambda value, expected: not test(value, expected)


#: Operators that need something to the right.
BINARY: Final[Mapping[str, Test]] = MappingProxyType(
    {
        "contains": _contains,
        "not_contains": _not(_contains),
        "starts_with": _starts,
        "ends_with": _ends,
        "is": _same,
        "is_not": _not(_same),
        "in": _in,
        "not_in": _not(_in),
        "all_of": _all_of,
        "=": _ordered(operator.eq),
        "!=": _not(_ordered(operator.eq)),
        ">": _ordered(operator.gt),
        "<": _ordered(operator.lt),
        ">=": _ordered(operator.ge),
        "<=": _ordered(operator.le),
    }
)

#: Operators that look at the left side alone; these also take a value that is missing.
UNARY: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "empty": is_empty,
        "not_empty": lambda value: not is_empty(value),
        "null": lambda value: value is None or value is MISSING,
        "not_null": lambda value: value is not None and value is not MISSING,
        "exists": lambda value: value is not MISSING,
        "not_exists": lambda value: value is MISSING,
    }
)
