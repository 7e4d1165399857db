"""The types that a code node declares for its outputs, and the check of what its code returned against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure

_SHOWN: Final = 10
_LOW, _HIGH = -(2**63), 2**63 - 1


class _Unfit(Exception):
    """A value that has another type than declared; the text says which it has."""


def checked(returned: Mapping[str, Any], *, declared: Mapping[str, str]) -> dict[str, Any]:
    """The outputs in declared order. Raises NodeFailure that names every key which is missing, extra or unfit.

    Null fits every type: code says with it that there is nothing.
    """
    missing = [name for name in declared if name not in returned]
    unexpected = [name for name in returned if name not in declared]
    outputs: dict[str, Any] = {}
    unfit: dict[str, str] = {}
    for name, type_name in declared.items():
        try:
            outputs[name] = _fitted(returned.get(name), type_name)
        except _Unfit as why:
            unfit[name] = f"{name} must be {_WORDS[type_name]}, but {why}"
    if missing or unexpected or unfit:
        message = " ".join(_sentences(missing, unexpected, list(unfit.values())))
        details = {"missing": missing[:_SHOWN], "unexpected": unexpected[:_SHOWN], "unfit": list(unfit)[:_SHOWN]}
        raise NodeFailure("code_result", message, details={key: names for key, names in details.items() if names})
    return outputs


def _sentences(missing: list[str], unexpected: list[str], unfit: list[str]) -> Iterator[str]:
    if missing:
        yield f"The code did not return: {_list(missing)}."
    if unexpected:
        yield f"The code returned what is not declared as an output: {_list(unexpected)}."
    for sentence in unfit[:_SHOWN]:
        yield f"{sentence}."


def _list(names: list[str]) -> str:
    shown = ", ".join(name[:80] for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _fitted(value: Any, type_name: str) -> Any:
    if value is None:
        return None
    if type_name.startswith("array["):
        return _items(value, type_name[len("array[") : -1])
    return _FITS[type_name](value)


def _items(value: Any, type_name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Unfit(f"is {_kind(value)}")
    if type_name == "any":
        return value
    fitted = []
    for place, item in enumerate(value):
        try:
            fitted.append(_fitted(item, type_name))
        except _Unfit as why:
            raise _Unfit(f"item {place} {why}") from None
    return fitted


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _Unfit(f"is {_kind(value)}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _Unfit(f"is {_kind(value)}")


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _Unfit(f"is {_kind(value)}")


def _number(value: Any) -> int | float:
    """A number as it is; true and false count as 1 and 0."""
    if isinstance(value, float):
        return value
    if not isinstance(value, int):
        raise _Unfit(f"is {_kind(value)}")
    if not _LOW <= value <= _HIGH:
        raise _Unfit("has more than 64 bits: return it as a text")
    return int(value)


def _integer(value: Any) -> int:
    """A whole number; 3.0 is one, because JavaScript has no other."""
    number = _number(value)
    if isinstance(number, int):
        return number
    if not number.is_integer():
        raise _Unfit("has a fraction")
    return int(_number(int(number)))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), type(value).__name__)


_FITS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "object": _object,
}
_WORDS: Final[Mapping[str, str]] = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array[string]": "a list of texts",
    "array[number]": "a list of numbers",
    "array[object]": "a list of objects",
    "array[boolean]": "a list of true and false",
    "array[any]": "a list",
}
OUTPUT_TYPES: Final = tuple(_WORDS)
