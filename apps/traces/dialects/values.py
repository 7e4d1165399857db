"""Takes values out of attributes: numbers that came as text, JSON inside text, lists flattened into names."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

Attributes = Mapping[str, Any]
_MOST_TOKENS = 10**12
#: Members of a flattened list beyond this are passed over.
_MOST_MEMBERS = 2_000
_FLATTENED = re.compile(r"(\D*?)\.([0-9]{1,6})(?:\.(.*))?\Z", re.DOTALL)


def first(attributes: Attributes, names: Iterable[str]) -> Any:
    """The value of the first name that has one."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def text_of(value: Any) -> str:
    """A text, whatever it was."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple)):
        try:
            return orjson.dumps(value, default=str).decode()
        except orjson.JSONEncodeError:  # deeper than it writes, though it read it
            return "…"
    return str(value)


def count_of(value: Any) -> int | None:
    """A number of tokens, None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if value.isdecimal() and len(value) <= 15 else None
    if isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value <= _MOST_TOKENS:
        return int(value)
    return None


def seconds_of(value: Any) -> float | None:
    """A duration in seconds, None for what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) and 0 <= found < 10**9 else None


def money_of(value: Any) -> str | None:
    """An amount as a plain decimal string, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or len(str(value)) > 40:
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return f"{found:f}" if found.is_finite() and 0 <= found < 10**9 and found.as_tuple().exponent > -30 else None  # type: ignore[operator]


def json_of(value: Any) -> Any:
    """The value; where it is JSON written as text, what that says."""
    if not isinstance(value, str):
        return value
    head = value.lstrip()[:1]
    if not head or head not in '{["':
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def mapping_of(value: Any) -> dict[str, Any]:
    """An object, also one written as JSON; empty for what is none."""
    found = json_of(value)
    return found if isinstance(found, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list, also one written as JSON; empty for what is none."""
    found = json_of(value)
    return found if isinstance(found, list) else []


def texts_of(value: Any) -> list[str]:
    """A list of texts; one text alone is a list of one."""
    found = json_of(value)
    if isinstance(found, str):
        return [found] if found else []
    return [text_of(each) for each in found if each not in (None, "")] if isinstance(found, (list, tuple)) else []


def moment_of(value: Any) -> int | None:
    """A time of ISO 8601 in Unix nanoseconds, None for what is none."""
    found = json_of(value)
    if not isinstance(found, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(found)
    except ValueError:
        return None
    since = moment.replace(tzinfo=moment.tzinfo or dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return since // dt.timedelta(microseconds=1) * 1000


def unfolded(attributes: Attributes) -> dict[str, list[dict[str, Any]]]:
    """Lists that were flattened into names: `a.b.0.c`, `a.b.1.c` become `{"a.b": [{"c": ...}, {"c": ...}]}`.

    Each object keeps the names that are left, which may be flattened lists themselves.
    """
    members: dict[str, dict[int, dict[str, Any]]] = {}
    for name, value in attributes.items():
        found = _FLATTENED.match(name)
        if found is not None:
            prefix, number, rest = found.groups()
            members.setdefault(prefix, {}).setdefault(int(number), {})[rest or ""] = value
    return {
        prefix: [numbered[number] for number in sorted(numbered)[:_MOST_MEMBERS]]
        for prefix, numbered in members.items()
    }


def without_nothing(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Only what says something."""
    return {name: value for name, value in facts.items() if not is_nothing(value)}


def is_nothing(value: Any) -> bool:
    """None, an empty text or an empty collection; zero and False say something."""
    return not value and not isinstance(value, (int, float))
