"""Conditions on documents' metadata, as SQL: they are decided where the documents are, never on lists of ids.

A condition names a field; its kind decides what may be asked. What is compared with always travels as a parameter. A
document without a value meets `empty`, `is_not`, `not_contains`, `not_in` and `!=`, and no other condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from apps.datasets.models import MetadataField

Kind = Literal["string", "number", "time"]
Logical = Literal["and", "or"]
TEXT_OPERATORS = ("contains", "not_contains", "starts_with", "ends_with", "is", "is_not", "in", "not_in")
NUMBER_OPERATORS = ("=", "!=", ">", "<", ">=", "<=", "is", "is_not", "in", "not_in")
TIME_OPERATORS = ("is", "is_not", "before", "after", "=", "!=", ">", "<", ">=", "<=")
UNARY = ("empty", "not_empty")
OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    "string": (*TEXT_OPERATORS, *UNARY),
    "number": (*NUMBER_OPERATORS, *UNARY),
    "time": (*TIME_OPERATORS, *UNARY),
}

#: What every document has without anybody entering it: name -> kind and SQL over the document `d`.
BUILT_IN: Mapping[str, tuple[Kind, str]] = {
    "document_name": ("string", "d.name"),
    "uploader": ("string", "(SELECT u.username FROM accounts_user u WHERE u.id = d.created_by_id)"),
    "upload_date": ("time", "extract(epoch FROM d.created_at)::float8"),
    "last_update_date": ("time", "extract(epoch FROM d.updated_at)::float8"),
    "source": ("string", "coalesce(d.metadata ->> 'source', 'file_upload')"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field as a filter sees it. Datasets that are searched together may each have one of its name."""

    name: str
    kind: Kind
    ids: tuple[str, ...] = ()
    """Keys of the values in `Document.attributes`; none for a built-in field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition; `value` is a text or texts for a string, and a number or numbers (seconds for a time) else."""

    field: Field
    op: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataFilter:
    """Conditions of which all (`and`) or at least one (`or`) must hold."""

    logical: Logical
    conditions: tuple[Condition, ...]


def fields_by_name(dataset_ids: Sequence[Any]) -> dict[str, Field]:
    """The fields of the datasets and the built-in ones. One name with two kinds counts as text."""
    found = {name: Field(name=name, kind=kind) for name, (kind, _) in BUILT_IN.items()}
    rows = MetadataField.objects.filter(dataset_id__in=dataset_ids).order_by("name", "id")
    for name, kind, key in rows.values_list("name", "kind", "id"):
        known = found.get(name)
        if known is None:
            found[name] = Field(name=name, kind=cast(Kind, kind), ids=(str(key),))
        elif known.ids:
            same = kind == known.kind
            found[name] = Field(name=name, kind=known.kind if same else "string", ids=(*known.ids, str(key)))
    return found


def compile_filter(chosen: MetadataFilter | None) -> tuple[str, dict[str, Any]]:
    """SQL over the document `d`, and its parameters; TRUE where nothing is asked."""
    if chosen is None or not chosen.conditions:
        return "TRUE", {}
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, condition in enumerate(chosen.conditions):
        prefix = f"filter_{number}"
        expression, keys = _expression(condition.field, prefix)
        values |= keys
        parts.append(_holds(condition, expression, prefix))
        if condition.op not in UNARY:
            values[f"{prefix}_value"] = _parameter(condition)
    return f"({f' {chosen.logical.upper()} '.join(f'({part})' for part in parts)})", values


def _expression(field: Field, prefix: str) -> tuple[str, dict[str, Any]]:
    """The value of a field as text or as a number; NULL where there is none."""
    if not field.ids:
        return BUILT_IN[field.name][1], {}
    keys = {f"{prefix}_key_{at}": key for at, key in enumerate(field.ids)}
    if field.kind == "string":
        readings = [f"d.attributes ->> %({name})s" for name in keys]
    else:
        readings = [
            f"CASE WHEN jsonb_typeof(d.attributes -> %({name})s) = 'number' "
            f"THEN (d.attributes ->> %({name})s)::float8 END"
            for name in keys
        ]
    return f"coalesce({', '.join(readings)})", keys


_TEXT_SQL = {
    "contains": "strpos(lower({field}), {value}) > 0",
    "not_contains": "strpos(lower(coalesce({field}, '')), {value}) = 0",
    "starts_with": "starts_with(lower({field}), {value})",
    "ends_with": "right(lower({field}), length({value})) = {value}",
}
_SQL = {
    "is": "{field} = {value}",
    "=": "{field} = {value}",
    "is_not": "{field} IS DISTINCT FROM {value}",
    "!=": "{field} IS DISTINCT FROM {value}",
    "in": "{field} = ANY({value})",
    "not_in": "({field} = ANY({value})) IS NOT TRUE",
    ">": "{field} > {value}",
    "<": "{field} < {value}",
    ">=": "{field} >= {value}",
    "<=": "{field} <= {value}",
    "before": "{field} < {value}",
    "after": "{field} > {value}",
}


def _holds(condition: Condition, expression: str, prefix: str) -> str:
    text = condition.field.kind == "string"
    if condition.op == "empty":
        return f"nullif({expression}, '') IS NULL" if text else f"{expression} IS NULL"
    if condition.op == "not_empty":
        return f"nullif({expression}, '') IS NOT NULL" if text else f"{expression} IS NOT NULL"
    kind = "text" if text else "float8"
    many = "[]" if condition.op in ("in", "not_in") else ""
    pattern = _TEXT_SQL[condition.op] if condition.op in _TEXT_SQL else _SQL[condition.op]
    return pattern.format(field=expression, value=f"%({prefix}_value)s::{kind}{many}")


def _parameter(condition: Condition) -> Any:
    # Parts of a text are looked for whatever their case; whole texts are compared as they are.
    return condition.value.lower() if condition.op in _TEXT_SQL else condition.value
