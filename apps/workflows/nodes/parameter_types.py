"""The types of what a parameter-extractor looks for: their JSON Schemas, and reading what a model gave for them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

_TRUE: Final = frozenset({"true", "yes", "1", "on", "是", "对"})
_FALSE: Final = frozenset({"false", "no", "0", "off", "否", "不"})


class Unfit(ValueError):
    """The value is of another type; the text says which was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing to look for in a text."""

    name: str
    type: str
    description: str
    required: bool
    options: Sequence[str] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """What a model is told of it."""
        shape = dict(_SCHEMAS[self.type])
        if self.type == "select":
            shape["enum"] = list(self.options)
        return {**shape, "description": self.description} if self.description else shape

    @property
    def nothing(self) -> Any:
        """What stands for a value that was not found: no number is made up, and no decision."""
        if self.type.startswith("array["):
            return []
        return {"object": {}, "string": "", "select": ""}.get(self.type)

    def read(self, value: Any) -> Any:
        """The value in its type; models write numbers as texts and lists of one as that one. Raises Unfit."""
        if self.type.startswith("array["):
            return _list(value, _READS[self.type[len("array[") : -1]])
        if self.type == "select":
            return self._option(value)
        return _READS[self.type](value)

    def _option(self, value: Any) -> str:
        text = _string(value).strip().casefold()
        for option in self.options:
            if option.casefold() == text:
                return option
        raise Unfit(f"one of {', '.join(self.options)}")


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, dict, list)) or value is None:
        raise Unfit("a text")
    return str(value)


def _number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise Unfit("a number")
    if isinstance(value, str):
        try:
            value = json.loads(value.replace(",", "").strip())
        except ValueError:
            raise Unfit("a number") from None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise Unfit("a number")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Unfit("true or false")


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Unfit("an object")


def _list(value: Any, read: Callable[[Any], Any]) -> list[Any]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise Unfit("a list") from None
    return [read(item) for item in (value if isinstance(value, list) else [value])]


_READS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {"string": _string, "number": _number, "boolean": _boolean, "object": _object}
)
_ITEMS: Final = {name: {"type": name} for name in _READS}
_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        **_ITEMS,
        "select": {"type": "string"},
        **{f"array[{name}]": {"type": "array", "items": item} for name, item in _ITEMS.items()},
    }
)
PARAMETER_TYPES: Final = tuple(_SCHEMAS)
