"""Take values out of JSON that may be anything: the right kind, or an empty one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def object_at(value: Any, *keys: str) -> dict[str, Any]:
    """The object found by following the keys, empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, dict) else {}


def list_at(value: Any, *keys: str) -> list[Any]:
    """The list found by following the keys, empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, list) else []


def text_at(value: Any, *keys: str) -> str:
    """The text found by following the keys; numbers as they read, nothing for the rest."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return as_word(value)


def as_word(value: Any) -> str:
    """A text, or a number as it reads; an empty text for the rest."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def number_at(value: Any, *keys: str) -> int | float | None:
    """The number found by following the keys, also one written as a text; None where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return as_number(value)


def as_number(value: Any) -> int | float | None:
    """A number, also one written as a text; None for the rest."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if abs(value) < 1e15 else None
    if isinstance(value, str) and 0 < len(value) <= 20:
        for kind in (int, float):
            try:
                number = kind(value)
            except ValueError:
                continue
            return number if abs(number) < 1e15 else None
    return None


def bounded(number: float | None, low: int, high: int, default: int) -> int:
    """A whole number within bounds, or the default."""
    return default if number is None else max(low, min(high, int(number)))


def flag_at(value: Any, *keys: str) -> bool:
    """Whether what the keys lead to says yes."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value is True or (isinstance(value, str) and value.lower() == "true")


def filled(**parts: Any) -> dict[str, Any]:
    """An object of the parts that are there."""
    return {key: value for key, value in parts.items() if value is not None}
