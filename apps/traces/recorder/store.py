"""Writes finished traces: one statement for any number of them, with all that is below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import JSONField, Model

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from apps.traces.recorder.caps import dumped
from apps.traces.recorder.record import (
    RecordedPayload,
    RecordedSpan,
    RecordedThought,
    RecordedTrace,
    TraceRow,
)
from apps.traces.recorder.words import worded

ALIAS = "traces"


def write(records: Sequence[RecordedTrace], *, replace: bool = False) -> int:
    """Write all records in one transaction; the number of traces that were new.

    A trace that is there already is left alone, so that a repeated write is harmless; with
    `replace` it makes room.
    """
    records = [worded(record) for record in records]
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        if replace:
            _delete(cursor, [record.trace.id for record in records])
        cursor.execute(
            _statement(),
            [
                _rows(Trace, TraceRow, [record.trace for record in records]),
                _rows(Span, RecordedSpan, [span for record in records for span in record.spans]),
                _rows(SpanPayload, RecordedPayload, [row for record in records for row in record.payloads]),
                _rows(AgentThought, RecordedThought, [row for record in records for row in record.thoughts]),
            ],
        )
        return len(cursor.fetchall())


@lru_cache(maxsize=1)
def _statement() -> str:
    """All four tables at once: a chat turn pays for one round trip. Rows of a trace that is there already are left out.

    Against one COPY per table this costs about a tenth more per row and three statements less per turn.
    """
    of_a_new_trace = "WHERE given.trace_id IN (SELECT id FROM fresh) ON CONFLICT DO NOTHING"
    tables = {
        "fresh": _insert(Trace, TraceRow, "ON CONFLICT DO NOTHING RETURNING id"),
        "spans": _insert(Span, RecordedSpan, f"{of_a_new_trace} RETURNING id"),
        "payloads": _insert(
            SpanPayload, RecordedPayload, "WHERE given.span_id IN (SELECT id FROM spans) ON CONFLICT DO NOTHING"
        ),
        "thoughts": _insert(AgentThought, RecordedThought, of_a_new_trace),
    }
    parts = ", ".join(f"{name} AS ({insert})" for name, insert in tables.items())
    return f"WITH {parts} SELECT id FROM fresh"  # noqa: S608 - made of names of models


def _insert(model: type[Model], record: type, which: str) -> str:
    """Names come from the models, values go as one JSON parameter."""
    table, columns = model._meta.db_table, _layout(model, record)[1]
    given = f"json_populate_recordset(NULL::{table}, %s::json) AS given"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {given} {which}"  # noqa: S608


def _rows(model: type[Model], record: type, rows: Sequence[Any]) -> str:
    names, _columns, json = _layout(model, record)
    return orjson.dumps([_values(row, names, json) for row in rows]).decode()


def _delete(cursor: CursorWrapper, ids: list[UUID]) -> None:
    spans = f"SELECT id FROM {Span._meta.db_table} WHERE trace_id = ANY(%s)"  # noqa: S608
    cursor.execute(f"DELETE FROM {SpanPayload._meta.db_table} WHERE span_id IN ({spans})", [ids])  # noqa: S608
    for model, column in ((AgentThought, "trace_id"), (Span, "trace_id"), (Trace, "id")):
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {column} = ANY(%s)", [ids])  # noqa: S608


@lru_cache(maxsize=8)
def _layout(model: type[Model], record: type) -> tuple[tuple[str, ...], str, frozenset[str]]:
    """Field names of the record, its columns as SQL, and which of them hold JSON."""
    names = tuple(field.name for field in fields(record))
    columns = ", ".join(f'"{name}"' for name in names)
    json = frozenset(field.attname for field in model._meta.concrete_fields if isinstance(field, JSONField))
    return names, columns, json


def _values(row: Any, names: tuple[str, ...], json: frozenset[str]) -> dict[str, Any]:
    return {name: orjson.Fragment(dumped(getattr(row, name))) if name in json else getattr(row, name) for name in names}
