"""What writing costs: the recorder's own way against one COPY of the same rows, and spans from elsewhere."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
import statistics
import time
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connections, transaction
from django.db.models import JSONField

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.record import RecordedTrace
from apps.traces.recorder.store import ALIAS, delete, write
from apps.traces.recorder.usage import TokenUsage
from apps.traces.recorder.words import worded
from apps.traces.services.store_foreign import store_foreign
from benchmarks._traces.generate import TEAM, traces, words

BATCH = 64
ROUNDS = 3
TABLES = ((Trace, "trace"), (Span, "spans"), (SpanPayload, "payloads"), (AgentThought, "thoughts"))


def against_copy(count: int = 256) -> dict[str, Any]:
    """Rows a second, side by side: whole batches as the recorder writes them, and COPY of the rows they made."""
    ours, theirs = [], []
    for turn in range(ROUNDS):
        until = dt.datetime.now(dt.UTC) - dt.timedelta(hours=turn)
        records = list(traces(count, seed=100 + turn, until=until))
        spans = sum(len(record.spans) for record in records)
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            write(records[start : start + BATCH])
        ours.append(spans / (time.perf_counter() - began))
        delete([record.trace.id for record in records])
        prepared = [_copies([worded(record) for record in records[at : at + BATCH]]) for at in range(0, count, BATCH)]
        began = time.perf_counter()
        for batch in prepared:
            _copy(batch)
        theirs.append(spans / (time.perf_counter() - began))
        delete([record.trace.id for record in records])
    return {
        "recorder_spans_per_s": round(statistics.median(ours)),
        "copy_spans_per_s": round(statistics.median(theirs)),
        "ratio": round(statistics.median(mine / copy for mine, copy in zip(ours, theirs, strict=True)), 2),
    }


def from_elsewhere(count: int = 20, size: int = 512) -> dict[str, Any]:
    """Spans a second of about a kilobyte each, mapped already, in batches as exporters send them."""
    chance = random.Random(5)
    spent = []
    for number in range(count):
        batch = [_foreign(number * size + place, chance) for place in range(size)]
        began = time.perf_counter()
        store_foreign(TEAM, batch)
        spent.append(size / (time.perf_counter() - began))
    return {"spans_per_s": round(statistics.median(spent)), "batch": size}


def _foreign(number: int, chance: random.Random) -> ForeignSpan:
    began = time.time_ns()
    is_root = number % 10 == 0
    return ForeignSpan(
        trace_id=f"{number // 10 + (1 << 100):032x}",
        key=f"{number + 1:016x}",
        parent_key="" if is_root else f"{number // 10 * 10 + 1:016x}",
        name="chat" if number % 3 == 0 else "step",
        kind="llm" if number % 3 == 0 else "chain",
        started_ns=began,
        ended_ns=began + chance.randint(10**6, 10**9),
        service="bench",
        model="gpt-5-mini" if number % 3 == 0 else "",
        usage=TokenUsage(input=900, output=90) if number % 3 == 0 else None,
        inputs={"query": words(chance, 45)},
        outputs={"text": words(chance, 60)},
        attributes={"http.route": "/ask", "thread.id": number},
    )


def _copies(records: Sequence[RecordedTrace]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Statement and rows for each table, made before the clock starts."""
    prepared = []
    for model, name in TABLES:
        rows = [row for record in records for row in ([record.trace] if name == "trace" else getattr(record, name))]
        json = {field.attname for field in model._meta.concrete_fields if isinstance(field, JSONField)}
        columns = [field.name for field in dataclasses.fields(rows[0])]
        quoted = ", ".join(f'"{column}"' for column in columns)
        values = [
            tuple(
                orjson.dumps(getattr(row, column)).decode() if column in json else getattr(row, column)
                for column in columns
            )
            for row in rows
        ]
        prepared.append((f"COPY {model._meta.db_table} ({quoted}) FROM STDIN", values))
    return prepared


def _copy(prepared: Sequence[tuple[str, list[tuple[Any, ...]]]]) -> None:
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        for statement, rows in prepared:
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
