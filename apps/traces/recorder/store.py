"""Writes finished traces: one statement for the trace rows, one COPY for each table below them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any
from uuid import UUID

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

ALIAS = "traces"


def write(records: Sequence[RecordedTrace], *, replace: bool = False) -> int:
    """Write all records in one transaction; the number of traces that were new.

    A trace that is there already is left alone, so that a repeated write is harmless; with
    `replace` it makes room.
    """
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        if replace:
            _delete(cursor, [record.trace.id for record in records])
        new = _insert_traces(cursor, [record.trace for record in records])
        written = [record for record in records if record.trace.id in new]
        if written:
            _copy(cursor, Span, RecordedSpan, (span for record in written for span in record.spans))
            _copy(cursor, SpanPayload, RecordedPayload, (row for record in written for row in record.payloads))
            _copy(cursor, AgentThought, RecordedThought, (row for record in written for row in record.thoughts))
    return len(new)


def _insert_traces(cursor: CursorWrapper, rows: Sequence[TraceRow]) -> set[UUID]:
    names, columns, json = _layout(Trace, TraceRow)
    placeholders = ", ".join(["(" + ", ".join(["%s"] * len(names)) + ")"] * len(rows))
    # Names come from the models, values go as parameters.
    statement = (
        f"INSERT INTO {Trace._meta.db_table} ({columns}) VALUES {placeholders} "  # noqa: S608
        "ON CONFLICT DO NOTHING RETURNING id"
    )
    cursor.execute(statement, [value for row in rows for value in _values(row, names, json)])
    return {row[0] for row in cursor.fetchall()}


def _copy(cursor: CursorWrapper, model: type[Model], record: type, rows: Iterable[Any]) -> None:
    names, columns, json = _layout(model, record)
    with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(_values(row, names, json))


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


def _values(row: Any, names: tuple[str, ...], json: frozenset[str]) -> list[Any]:
    return [dumped(getattr(row, name)).decode() if name in json else getattr(row, name) for name in names]
