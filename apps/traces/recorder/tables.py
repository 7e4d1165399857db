"""Statements that put records into tables: names come from the models, rows go as one JSON parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

import orjson
from django.db.models import JSONField, Model

from apps.traces.models import Rollup
from apps.traces.recorder.caps import dumped

#: The database that traces are in.
ALIAS = "traces"
_KEY = ("team_id", "grain", "dimension", "at", "app", "name", "source", "environment", "currency")
_HISTOGRAMS = ("durations", "first_texts")


def insert(model: type[Model], record: type, which: str) -> str:
    """An INSERT of records given as JSON; `which` is all that comes after FROM `given`."""
    table, columns = model._meta.db_table, _layout(model, record)[1]
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {_given(table)} {which}"  # noqa: S608


def rows(model: type[Model], record: type, records: Sequence[Any]) -> str:
    """The parameter of such an INSERT."""
    names, _columns, json = _layout(model, record)
    return orjson.dumps([_values(row, names, json) for row in records]).decode()


@lru_cache(maxsize=8)
def add_up(which: str = "") -> str:
    """An INSERT of roll-ups that adds to those that are there."""
    table = Rollup._meta.db_table
    names = [field.column for field in Rollup._meta.concrete_fields]
    columns = ", ".join(f'"{name}"' for name in names)
    summed = [name for name in names if name not in (*_KEY, *_HISTOGRAMS, "id", "app_name")]
    changes = ["app_name = EXCLUDED.app_name", *(f'"{name}" = kept."{name}" + EXCLUDED."{name}"' for name in summed)]
    for name in _HISTOGRAMS:
        pairs = f"unnest(kept.{name}, EXCLUDED.{name}) AS pair(a, b)"
        changes.append(f"{name} = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0) FROM {pairs})")  # noqa: S608
    return (
        f"INSERT INTO {table} AS kept ({columns}) SELECT {columns} FROM {_given(table)} {which} "  # noqa: S608
        f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {', '.join(changes)}"
    )


def _given(table: str) -> str:
    return f"json_populate_recordset(NULL::{table}, %s::json) AS given"


@lru_cache(maxsize=8)
def _layout(model: type[Model], record: type) -> tuple[tuple[str, ...], str, frozenset[str]]:
    """Field names of the record, its columns as SQL, and which of them hold JSON."""
    names = tuple(field.name for field in fields(record))
    columns = ", ".join(f'"{name}"' for name in names)
    json = frozenset(field.attname for field in model._meta.concrete_fields if isinstance(field, JSONField))
    return names, columns, json


def _values(row: Any, names: tuple[str, ...], json: frozenset[str]) -> dict[str, Any]:
    return {name: orjson.Fragment(dumped(getattr(row, name))) if name in json else getattr(row, name) for name in names}
