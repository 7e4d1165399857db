"""The monthly partitions of traces, spans, payloads and thoughts: made ahead, listed, dropped.

A row's partition follows from its id, whose first bits are a time. What has an odd time, or comes in a month that
nobody made, is in the default partition until its month is made.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from apps.traces.models import AgentThought, ForeignTrace, Span, SpanPayload, Trace
from apps.traces.recorder.store import ALIAS
from support.ids import earliest

#: Of each partitioned table, the column that its partitions are ranges of.
KEYS = {
    Trace._meta.db_table: "id",
    Span._meta.db_table: "id",
    SpanPayload._meta.db_table: "span_id",
    AgentThought._meta.db_table: "id",
}
AHEAD = 3
#: Traces from before this have their time from a broken clock.
FIRST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
#: Whoever waits for a table keeps all who come later waiting: give way, and try again at the next turn.
LOCK_TIMEOUT = "3s"
_NAME = re.compile(r"_(\d{4})_(\d{2})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One month of one table."""

    table: str
    name: str
    month: dt.datetime


def month_of(moment: dt.datetime) -> dt.datetime:
    """The beginning of its month, in UTC."""
    return moment.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def following(month: dt.datetime) -> dt.datetime:
    """The month after a month."""
    return month_of(month + dt.timedelta(days=32))


def partitions() -> list[Partition]:
    """What there is, the oldest month first; without the default partitions."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT parent.relname, part.relname FROM pg_inherits "
            "JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class part ON part.oid = inhrelid "
            "WHERE parent.oid = ANY(%s::text[]::regclass[])",
            [list(KEYS)],
        )
        found = [(table, name, _NAME.search(name)) for table, name in cursor.fetchall()]
    listed = [
        Partition(table=table, name=name, month=dt.datetime(int(match[1]), int(match[2]), 1, tzinfo=dt.UTC))
        for table, name, match in found
        if match is not None
    ]
    return sorted(listed, key=lambda partition: (partition.month, partition.table))


def make_partitions(*, ahead: int = AHEAD, now: dt.datetime | None = None) -> list[str]:
    """Make what is missing: this month, some ahead, and months whose rows wait in a default partition; their names."""
    month = month_of(now or timezone.now())
    wanted = {month}
    for _ in range(ahead):
        month = following(month)
        wanted.add(month)
    there = {(partition.table, partition.month) for partition in partitions()}
    made = []
    for table in KEYS:
        for wish in sorted(wanted | _waiting(table, latest=max(wanted))):
            if (table, wish) not in there:
                made.append(_make(table, wish))
    return made


def drop_month(month: dt.datetime) -> list[str]:
    """Drop the partitions of a month with all that is in them; their names. The roll-ups go on counting it.

    Raises OperationalError while somebody reads the tables for longer than the patience of those who wait.
    """
    first = month_of(month)
    names = [partition.name for partition in partitions() if partition.month == first]
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        for name in names:
            cursor.execute(f"DROP TABLE {name}")
        ForeignTrace.objects.using(ALIAS).filter(
            trace_id__gte=earliest(first), trace_id__lt=earliest(following(first))
        ).delete()
    return names


def refresh_statistics() -> None:
    """What the planner knows of the tables as wholes: PostgreSQL keeps it up for their partitions only."""
    with connections[ALIAS].cursor() as cursor:
        for table in KEYS:
            cursor.execute(f"ANALYZE {table}")


def _waiting(table: str, *, latest: dt.datetime) -> set[dt.datetime]:
    """The sensible months of the rows in the default partition. Hops from month to month through its primary key."""
    key, moment, months = KEYS[table], FIRST, set()
    with connections[ALIAS].cursor() as cursor:
        while moment <= latest:
            cursor.execute(
                f"SELECT {key} FROM {table}_default WHERE {key} >= %s ORDER BY {key} LIMIT 1",  # noqa: S608
                [earliest(moment)],
            )
            row = cursor.fetchone()
            if row is None:
                break
            if row[0] >= earliest(following(latest)):
                break
            month = month_of(dt.datetime.fromtimestamp((row[0].int >> 80) / 1000, dt.UTC))
            months.add(month)
            moment = following(month)
    return months


def _make(table: str, month: dt.datetime) -> str:
    """One partition, with the rows of its month that came before it."""
    name, low, high = f"{table}_{month:%Y_%m}", earliest(month), earliest(following(month))
    key = KEYS[table]
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        _copy_compression(cursor, table, name)
        columns = ", ".join(f'"{column}"' for column in _columns(cursor, table))
        cursor.execute(
            f"WITH moved AS (DELETE FROM {table}_default WHERE {key} >= %s AND {key} < %s RETURNING {columns}) "  # noqa: S608
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM moved",
            [low, high],
        )
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")
    return name


def _columns(cursor: CursorWrapper, table: str) -> Sequence[str]:
    description = connections[ALIAS].introspection.get_table_description(cursor, table)
    return [column.name for column in description]


def _copy_compression(cursor: CursorWrapper, table: str, name: str) -> None:
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attcompression = 'l' AND NOT attisdropped",
        [table],
    )
    for (column,) in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {name} ALTER COLUMN "{column}" SET COMPRESSION lz4')
