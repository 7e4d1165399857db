"""Turns a payload filter into a PostgreSQL condition; keys and values travel as parameters."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from apps.datasets.vectorstores.errors import UnknownFilter
from apps.datasets.vectorstores.filters import All, AnyOf, Filter, Not, Where

_COMPARISONS: dict[str, LiteralString] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def compile_filter(condition: Filter | None) -> tuple[sql.Composable, list[Any]]:
    """The condition and its parameters; a missing filter is TRUE."""
    match condition:
        case None:
            return sql.SQL("TRUE"), []
        case All(parts):
            return _joined(parts, " AND ", empty="TRUE")
        case AnyOf(parts):
            return _joined(parts, " OR ", empty="FALSE")
        case Not(part):
            inner, values = compile_filter(part)
            return sql.SQL("NOT ({})").format(inner), values
        case Where():
            return _compile_where(condition)
    raise UnknownFilter(f"There is no filter {type(condition).__name__}.")


def _joined(
    parts: tuple[Filter, ...], separator: LiteralString, *, empty: LiteralString
) -> tuple[sql.Composable, list[Any]]:
    if not parts:
        return sql.SQL(empty), []
    compiled = [compile_filter(part) for part in parts]
    text = sql.SQL(separator).join(sql.SQL("({})").format(inner) for inner, _ in compiled)
    return text, [value for _, values in compiled for value in values]


def _compile_where(where: Where) -> tuple[sql.Composable, list[Any]]:
    # jsonb_exists is the operator `?`, which some drivers take for a placeholder.
    match where.operator, where.value:
        case "exists", wanted:
            return sql.SQL("jsonb_exists(payload, %s) = %s"), [where.key, wanted]
        case "eq", wanted:
            return sql.SQL("coalesce(payload -> %s = %s, FALSE)"), [where.key, Jsonb(wanted)]
        case "ne", wanted:
            return sql.SQL("coalesce(payload -> %s <> %s, TRUE)"), [where.key, Jsonb(wanted)]
        case "in", tuple(options):
            return sql.SQL("coalesce(payload -> %s = ANY(%s), FALSE)"), [where.key, [Jsonb(each) for each in options]]
        case "nin", tuple(options):
            return sql.SQL("coalesce(payload -> %s <> ALL(%s), TRUE)"), [where.key, [Jsonb(each) for each in options]]
    return _compile_order(where)


def _compile_order(where: Where) -> tuple[sql.Composable, list[Any]]:
    """By order, among values of one type; text by code point, as everywhere else."""
    comparison = sql.SQL(_COMPARISONS[where.operator])
    if isinstance(where.value, str):
        text = sql.SQL(
            "coalesce(jsonb_typeof(payload -> %s) = 'string' AND (payload ->> %s) COLLATE \"C\" {} %s, FALSE)"
        ).format(comparison)
        return text, [where.key, where.key, where.value]
    number = sql.SQL("coalesce(jsonb_typeof(payload -> %s) = 'number' AND payload -> %s {} %s, FALSE)").format(
        comparison
    )
    return number, [where.key, where.key, Jsonb(where.value)]
