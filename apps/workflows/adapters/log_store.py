"""How a run's events and its end reach the database: one statement for any number of runs.

Rows count only under the run's current epoch, so a process that was taken for dead cannot write on; and a row that is
there already stays, so that a batch whose acknowledgement was lost may be sent again. Large values are kept apart, in
the same transaction and before the rows that name them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from apps.workflows.engine.journal import Row
from apps.workflows.engine.large_values import LARGE, take_out


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
    large = _LargeValues()
    given = [
        {
            **{"run_id": portion.run_id, "epoch": portion.epoch, "seq": row.seq, "last_seq": row.last_seq},
            **{"kind": row.kind, "payload": large.without(portion, row)},
        }
        for portion in portions
        for row in portion.rows
    ]
    endings = [
        {"run_id": portion.run_id, "epoch": portion.epoch, **asdict(portion.ending)}
        for portion in portions
        if portion.ending is not None
    ]
    going_on = [{"run_id": portion.run_id, "epoch": portion.epoch} for portion in portions if portion.ending is None]
    with transaction.atomic() if large.contents else nullcontext(), connection.cursor() as cursor:
        large.keep(cursor)
        if endings:
            cursor.execute(_LOG_AND_CLOSE, [_json(given), _json(endings), _json(going_on)])
        elif going_on:
            cursor.execute(_LOG_AND_TELL, [_json(given), _json(going_on)])
        else:
            return Stored()
        rows = cursor.fetchall()
    return Stored(
        ended=frozenset(run_id for run_id, ended in rows if ended),
        current=frozenset(run_id for run_id, ended in rows if not ended),
    )


@dataclass(slots=True)
class _LargeValues:
    """The large values of one batch, and which run names which."""

    uses: set[tuple[UUID, int, str]] = field(default_factory=set)
    contents: dict[str, bytes] = field(default_factory=dict)

    def without(self, portion: Portion, row: Row) -> orjson.Fragment:
        """The row's payload as JSON, without them."""
        body = orjson.dumps(row.payload)
        if len(body) > LARGE:
            payload, contents = take_out(row.payload)
            body = orjson.dumps(payload)
            self.contents |= contents
            self.uses |= {(portion.run_id, portion.epoch, name) for name in contents}
        return orjson.Fragment(body)

    def keep(self, cursor: Any) -> None:
        """Write them, where there are any."""
        if self.contents:
            uses = [list(column) for column in zip(*sorted(self.uses), strict=True)]
            cursor.execute(_KEEP, [*uses, list(self.contents), list(self.contents.values())])


# Naming a value locks its row in any case, and renews `used_at` unless that is fresh: whoever removes what no log names
# either waits, or finds it fresh. All writers take the locks in the same order.
_KEEP = """
    WITH named AS (
        SELECT DISTINCT run.id AS run_id, run.team_id, given.sha256
        FROM unnest(%s::uuid[], %s::int[], %s::text[]) AS given (run_id, epoch, sha256)
        JOIN workflows_run AS run ON run.id = given.run_id AND run.epoch = given.epoch
    ), kept AS (
        INSERT INTO workflows_blob AS blob (team_id, sha256, content, used_at)
        SELECT wanted.team_id, wanted.sha256, large.content, clock_timestamp()
        FROM (SELECT DISTINCT team_id, sha256 FROM named) AS wanted
        JOIN unnest(%s::text[], %s::bytea[]) AS large (sha256, content) ON large.sha256 = wanted.sha256
        ORDER BY wanted.team_id, wanted.sha256
        ON CONFLICT (team_id, sha256) DO UPDATE SET used_at = excluded.used_at
        WHERE blob.used_at < excluded.used_at - interval '10 minutes'
    )
    INSERT INTO workflows_blobuse (run_id, team_id, sha256)
    SELECT run_id, team_id, sha256 FROM named ON CONFLICT DO NOTHING
"""


def _json(value: list[dict[str, Any]]) -> str:
    return orjson.dumps(value).decode()


# The number of statements does not grow with the number of rows, nor that of their parameters: making arrays of Python
# lists, value by value, took longer than PostgreSQL takes to store what is in them.
_LOG = """
    INSERT INTO workflows_runevent (run_id, seq, last_seq, kind, payload)
    SELECT given.run_id, given.seq, given.last_seq, given.kind, given.payload
    FROM json_to_recordset(%s::json)
        AS given (run_id uuid, epoch int, seq int, last_seq int, kind text, payload jsonb)
    JOIN workflows_run AS run ON run.id = given.run_id AND run.epoch = given.epoch
    ON CONFLICT (run_id, seq) DO NOTHING
"""

_CURRENT = """
    SELECT DISTINCT run.id, false FROM workflows_run AS run
    JOIN json_to_recordset(%s::json) AS given (run_id uuid, epoch int)
        ON run.id = given.run_id AND run.epoch = given.epoch
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
