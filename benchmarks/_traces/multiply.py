"""Makes many traces of some: copies in SQL, moved in time, since a million take the recorder too long to wait for."""

from __future__ import annotations

from django.db import connections

from apps.traces.models import AgentThought, Rollup, Span, SpanPayload, Trace
from apps.traces.recorder.store import ALIAS
from benchmarks._traces.generate import TEAM

_TABLES = (Trace, Span, SpanPayload, AgentThought)
_IDS = ("id", "trace_id", "span_id", "run_id")
#: The first twelve digits of an id are its milliseconds; of the others the same ones follow from the same id.
_MOVED = """
    CREATE FUNCTION pg_temp.moved(id uuid, copy int, step_ms int) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
        SELECT (lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint + copy * step_ms), 12, '0')
            || '7' || substr(md5(id::text || copy), 2, 3) || '8' || substr(md5(id::text || copy), 6, 15))::uuid $$
"""


def multiply(copies: int, *, step_ms: int) -> None:
    """So many copies of all that there is, each a step later; indexes are made again afterwards, as that is faster."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_MOVED)
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("SET synchronous_commit = off")
        for model in _TABLES:
            table = model._meta.db_table
            cursor.execute(
                "SELECT indexdef, indexname FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'",
                [table],
            )
            indexes = cursor.fetchall()
            for _definition, name in indexes:
                cursor.execute(f"DROP INDEX {name}")
            columns = [field.column for field in model._meta.concrete_fields]
            given = ", ".join(f'"{column}"' for column in columns)
            made = ", ".join(_value(column) for column in columns)
            of_team = "" if model is SpanPayload else "WHERE team_id = %s"
            cursor.execute(
                f"INSERT INTO {table} ({given}) SELECT {made} FROM {table}, generate_series(1, %s) AS copy {of_team} "
                "ON CONFLICT DO NOTHING",
                [*_steps(columns, step_ms), copies, *([TEAM] if of_team else [])],
            )
            for definition, _name in indexes:
                cursor.execute(definition.replace(" ON ONLY ", " ON "))
        cursor.execute(f"DELETE FROM {Rollup._meta.db_table}")


def _value(column: str) -> str:
    if column in _IDS:
        return f'pg_temp.moved("{column}", copy, %s)'
    if column in ("started_at", "updated_at"):
        return f"\"{column}\" + copy * %s * interval '1 millisecond'"
    return f'"{column}"'


def _steps(columns: list[str], step_ms: int) -> list[int]:
    return [step_ms for column in columns if column in (*_IDS, "started_at", "updated_at")]
