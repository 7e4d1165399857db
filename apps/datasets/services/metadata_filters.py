"""Reading filters on metadata that people, programs and models write down, and writing them down again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.datasets.selectors.filters import OPERATORS, UNARY, Condition, Field, Logical, MetadataFilter
from support.errors import InvalidInput

MAX_CONDITIONS = 20
MAX_TEXT = 2_000
MAX_LIST = 1_000
#: Other spellings of operators, those of Dify's interface first.
SPELLINGS: Mapping[str, str] = {
    "not contains": "not_contains",
    "start with": "starts_with",
    "end with": "ends_with",
    "is not": "is_not",
    "not empty": "not_empty",
    "not in": "not_in",
    "≠": "!=",
    "≥": ">=",
    "≤": "<=",
    "==": "=",
}


def read_filter(given: Mapping[str, Any], *, fields: Mapping[str, Field]) -> MetadataFilter | None:
    """The filter that a mapping describes; None when it has no conditions.

    Raises InvalidInput for whatever cannot be applied, with the path: a filter is never ignored in part.
    """
    joined = given.get("logical", given.get("logical_operator")) or "and"
    if joined not in ("and", "or"):
        raise InvalidInput(_("The conditions are joined by `and` or `or`."), path="/logical")
    conditions = given.get("conditions") or []
    if not isinstance(conditions, (list, tuple)) or len(conditions) > MAX_CONDITIONS:
        raise InvalidInput(
            _("A filter has a list of up to %(most)s conditions.") % {"most": MAX_CONDITIONS}, path="/conditions"
        )
    read = tuple(_condition(each, fields, f"/conditions/{at}") for at, each in enumerate(conditions))
    logical: Logical = "or" if joined == "or" else "and"
    return MetadataFilter(logical=logical, conditions=read) if read else None


def as_given(chosen: MetadataFilter) -> dict[str, Any]:
    """The reverse of `read_filter`."""
    return {
        "logical": chosen.logical,
        "conditions": [
            {"name": each.field.name, "op": each.op, **({} if each.op in UNARY else {"value": each.value})}
            for each in chosen.conditions
        ],
    }


def _condition(given: Any, fields: Mapping[str, Field], path: str) -> Condition:
    if not isinstance(given, Mapping):
        raise InvalidInput(_("A condition is an object with name, op and value."), path=path)
    name = given.get("name")
    field = fields.get(name) if isinstance(name, str) else None
    if field is None:
        known = ", ".join(sorted(fields))
        raise InvalidInput(
            _("There is no metadata field %(name)s. Known are: %(known)s.") % {"name": f"{name!r}", "known": known},
            path=f"{path}/name",
        )
    written = given.get("op", given.get("comparison_operator"))
    op = SPELLINGS.get(written, written) if isinstance(written, str) else None
    if op not in OPERATORS[field.kind]:
        known = ", ".join(OPERATORS[field.kind])
        raise InvalidInput(
            _("%(written)s cannot be asked of %(name)s. Known are: %(known)s.")
            % {"written": f"{written!r}", "name": f"{name!r}", "known": known},
            path=f"{path}/op",
        )
    if op in UNARY:
        return Condition(field=field, op=op)
    return Condition(field=field, op=op, value=_value(given.get("value"), field, op, f"{path}/value"))


def _value(given: Any, field: Field, op: str, path: str) -> Any:
    if op not in ("in", "not_in"):
        return read_value(given, kind=field.kind, path=path)
    listed = given.split(",") if isinstance(given, str) else given
    if not isinstance(listed, (list, tuple)) or len(listed) > MAX_LIST:
        raise InvalidInput(_("%(op)s takes a list of up to %(most)s values.") % {"op": op, "most": MAX_LIST}, path=path)
    return [read_value(each.strip() if isinstance(each, str) else each, kind=field.kind, path=path) for each in listed]


def read_value(given: Any, *, kind: str, path: str) -> str | float:
    """A value of a field's kind: a text, a number, or a time as seconds since 1970. Raises InvalidInput."""
    if kind == "string":
        if isinstance(given, bool) or not isinstance(given, (str, int, float)) or len(str(given)) > MAX_TEXT:
            raise InvalidInput(_("This must be a text of up to %(most)s characters.") % {"most": MAX_TEXT}, path=path)
        return str(given).replace("\x00", "")
    number = _number(given)
    if number is not None:
        return number
    seconds = _seconds(given) if kind == "time" else None
    if seconds is None:
        wanted = "a date as in 2026-05-31, or seconds since 1970" if kind == "time" else "a number"
        raise InvalidInput(
            _("%(given)s is not %(wanted)s.") % {"given": f"{str(given)[:100]!r}", "wanted": wanted}, path=path
        )
    return seconds


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e300 else None  # neither infinite nor NaN


def _seconds(given: Any) -> float | None:
    try:
        moment = dt.datetime.fromisoformat(str(given).strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
