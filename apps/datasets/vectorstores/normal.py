"""Filters in a normal form: no negation, one type for each field, constants gone.

Stores differ in what a negation says about a record without the field. Here it is said outright: `Has` asks whether a
field is there, and a `Compare` holds only where it is.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal, cast

from apps.datasets.vectorstores.errors import UnknownFilter
from apps.datasets.vectorstores.fields import KINDS, field_name, kind_of
from apps.datasets.vectorstores.filters import All, AnyOf, Filter, Not, Operator, Value, Where

Comparison = Literal["eq", "ne", "gt", "gte", "lt", "lte"]
_OPPOSITE: dict[Operator, Operator] = {
    "eq": "ne",
    "ne": "eq",
    "in": "nin",
    "nin": "in",
    "gt": "lte",
    "gte": "lt",
    "lt": "gte",
    "lte": "gt",
    "exists": "exists",
}


@dataclass(frozen=True, slots=True)
class Has:
    """Whether the record has the field."""

    field: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """The record has the field, and its value compares so."""

    field: str
    comparison: Comparison
    value: Value


@dataclass(frozen=True, slots=True)
class Both:
    """Every part holds; there are at least two."""

    parts: tuple[Normal, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One part holds; there are at least two."""

    parts: tuple[Normal, ...]


Normal = Has | Compare | Both | Either


def normal_form(condition: Filter | None) -> Normal | bool:
    """The filter in normal form; True or False where it says nothing about the record."""
    return True if condition is None else _form(condition, negated=False)


def _form(condition: Filter, *, negated: bool) -> Normal | bool:
    match condition:
        case Not(part):
            return _form(part, negated=not negated)
        case All(parts):
            return _joined([_form(part, negated=negated) for part in parts], all_of=not negated)
        case AnyOf(parts):
            return _joined([_form(part, negated=negated) for part in parts], all_of=negated)
        case Where():
            return _leaf(condition, negated=negated)
    raise UnknownFilter(f"There is no filter {type(condition).__name__}.")


def _leaf(where: Where, *, negated: bool) -> Normal | bool:
    operator = _OPPOSITE[where.operator] if negated else where.operator
    if operator == "exists":
        wanted = bool(where.value) != negated
        return _joined([Has(field_name(where.key, kind), wanted) for kind in KINDS], all_of=not wanted)
    options = where.value if isinstance(where.value, tuple) else (where.value,)
    if operator in ("ne", "nin"):
        return _joined([_unlike(where.key, option) for option in options], all_of=True)
    if operator in ("eq", "in"):
        return _joined([Compare(_field(where.key, option), "eq", option) for option in options], all_of=False)
    (value,) = options
    field = _field(where.key, value)
    compared = Compare(field, cast(Comparison, operator), value)
    return Either((Has(field, False), compared)) if negated else compared


def _unlike(key: str, value: Value) -> Normal:
    field = _field(key, value)
    return Either((Has(field, False), Compare(field, "ne", value)))


def _field(key: str, value: Value) -> str:
    return field_name(key, kind_of(value))


def _joined(parts: list[Normal | bool], *, all_of: bool) -> Normal | bool:
    """Parts under one conjunction, without constants."""
    if (not all_of) in parts:
        return not all_of
    kept = tuple(part for part in parts if not isinstance(part, bool))
    if len(kept) < 2:
        return kept[0] if kept else all_of
    return Both(kept) if all_of else Either(kept)


def fields_of(form: Normal) -> set[str]:
    """The fields that a filter asks for."""
    match form:
        case Has(field=field) | Compare(field=field):
            return {field}
        case Both(parts) | Either(parts):
            return set().union(*(fields_of(part) for part in parts))


def known_only(form: Normal | bool, fields: Container[str]) -> Normal | bool:
    """The same where a store refuses to be asked for fields that no record ever had: these are simply missing."""
    match form:
        case bool():
            return form
        case Has(field, wanted):
            return form if field in fields else not wanted
        case Compare(field=field):
            return form if field in fields else False
        case Both(parts) | Either(parts):
            return _joined([known_only(part, fields) for part in parts], all_of=isinstance(form, Both))
