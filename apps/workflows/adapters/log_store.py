"""How a run's events and its end reach the database: one statement for any number of runs.

Rows count only under the run's current epoch, so a process that was taken for dead cannot write on; and a row that is
there already stays, so that a batch whose acknowledgement was lost may be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from apps.workflows.engine.journal import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the rows of an ended run, of its message and of its conversation show, where it has them. JSON values only.

    `variables` are those of the conversation that the run has set.
    """

    status: str
    outputs: Mapping[str, Any]
    error: Mapping[str, Any] | None
    usage: Mapping[str, int]
    total_tokens: int
    input_tokens: int
    output_tokens: int
    steps: int
    elapsed: float
    answer: str
    answer_status: str
    metadata: Mapping[str, Any]
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Some rows of one run's log, with the run's end if they hold it."""

    run_id: UUID
    epoch: int
    rows: Sequence[Row]
    ending: Ending | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """`ended` are the runs that were ended by it (not those that somebody else ended); of the others given, `current`
    are those that still have the epoch they were given, so that their rows are in the log."""

    ended: Set[UUID] = frozenset()
    current: Set[UUID] = frozenset()


def store(portions: Sequence[Portion]) -> Stored:
    """Write all portions, or none."""
    given = [
        (portion.run_id, portion.epoch, row.seq, row.last_seq, row.kind, orjson.dumps(row.payload).decode())
        for portion in portions
        for row in portion.rows
    ]
    endings = [
        {"run_id": portion.run_id, "epoch": portion.epoch, **asdict(portion.ending)}
        for portion in portions
        if portion.ending is not None
    ]
    going_on = [(portion.run_id, portion.epoch) for portion in portions if portion.ending is None]
    values: list[Any] = [list(column) for column in zip(*given, strict=True)] or [[] for _ in range(6)]
    values += [list(column) for column in zip(*going_on, strict=True)] or [[], []]
    with connection.cursor() as cursor:
        if endings:
            cursor.execute(_LOG_AND_CLOSE, [*values[:6], orjson.dumps(endings).decode(), *values[6:]])
        elif going_on:
            cursor.execute(_LOG_AND_TELL, values)
        else:
            return Stored()
        rows = cursor.fetchall()
    return Stored(
        ended=frozenset(run_id for run_id, ended in rows if ended),
        current=frozenset(run_id for run_id, ended in rows if not ended),
    )


# The number of statements does not grow with the number of rows; measured beside COPY, rows of 1 KB cost 31 against
# 17 us each.
_LOG = """
    INSERT INTO workflows_runevent (run_id, seq, last_seq, kind, payload)
    SELECT given.run_id, given.seq, given.last_seq, given.kind, given.payload
    FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::int[], %s::text[], %s::jsonb[])
        AS given (run_id, epoch, seq, last_seq, kind, payload)
    JOIN workflows_run AS run ON run.id = given.run_id AND run.epoch = given.epoch
    ON CONFLICT (run_id, seq) DO NOTHING
"""

_CURRENT = """
    SELECT DISTINCT run.id, false FROM workflows_run AS run
    JOIN unnest(%s::uuid[], %s::int[]) AS given (run_id, epoch) ON run.id = given.run_id AND run.epoch = given.epoch
"""

_LOG_AND_TELL = f"WITH logged AS ({_LOG}) {_CURRENT}"

_LOG_AND_CLOSE = f"""
    WITH logged AS ({_LOG}), ended AS (
        SELECT * FROM jsonb_to_recordset(%s::jsonb) AS row (
            run_id uuid, epoch int, status text, outputs jsonb, error jsonb, usage jsonb, total_tokens int,
            input_tokens int, output_tokens int, steps int, elapsed float8, answer text, answer_status text,
            metadata jsonb, variables jsonb)
    ), closed AS (
        UPDATE workflows_run AS run SET
            status = ended.status, outputs = ended.outputs, error = ended.error, usage = ended.usage,
            total_tokens = ended.total_tokens, steps = ended.steps, elapsed = ended.elapsed,
            finished_at = clock_timestamp(), lease_until = NULL
        FROM ended WHERE run.id = ended.run_id AND run.epoch = ended.epoch AND run.status = 'running'
        RETURNING run.id, run.conversation_id
    ), kept AS (
        UPDATE workflows_conversation AS conversation SET variables = conversation.variables || written.variables
        FROM (
            SELECT closed.conversation_id AS id,
                jsonb_object_agg(named.key, named.value ORDER BY closed.id) AS variables
            FROM ended JOIN closed ON closed.id = ended.run_id CROSS JOIN jsonb_each(ended.variables) AS named
            GROUP BY closed.conversation_id
        ) AS written
        WHERE conversation.id = written.id
    ), answered AS (
        UPDATE workflows_message AS message SET
            answer = ended.answer, status = ended.answer_status, error = ended.error, metadata = ended.metadata,
            input_tokens = ended.input_tokens, output_tokens = ended.output_tokens, latency = ended.elapsed
        FROM ended JOIN closed ON closed.id = ended.run_id WHERE message.run_id = ended.run_id
    )
    SELECT id, true FROM closed UNION ALL ({_CURRENT})
"""  # noqa: S608 - all parts are constants of this file
