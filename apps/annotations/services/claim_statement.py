"""The statements of a claim, sent as one message: a claim is one way to the database and back, however many wait.

They are one transaction. Each sees what was committed before it began, so those after the lock see what the same
person's claim before this one did. Where an item is locked and counted, PostgreSQL reads the newest row once more
before it writes: `taken` never passes `wanted`, whatever the statement saw when it began.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from support.ids import uuid7

#: Leases that ran out and are ended by one claim.
MOST_ENDED = 100
#: A person's claims in a queue follow one another, whatever number of pages they have open.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(%(key)s);"

#: What others are just working with is left to them.
_END_LEASES = """
WITH ending AS (
    SELECT item.id FROM annotations_queueitem item
    WHERE item.id IN (
        SELECT item_id FROM annotations_assignment
        WHERE queue_id = %(queue)s AND state = 'leased' AND leased_until < %(now)s
        LIMIT %(most)s
    )
    FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE annotations_assignment lease SET state = 'released', leased_until = NULL FROM ending
    WHERE lease.item_id = ending.id AND lease.state = 'leased' AND lease.leased_until < %(now)s
    RETURNING lease.item_id
)
UPDATE annotations_queueitem item SET taken = item.taken - places.n
FROM (SELECT item_id, count(*) AS n FROM ended GROUP BY item_id) places WHERE item.id = places.item_id
"""

#: What one holds; else what entered first of what one has not put off; else what entered first of what one has.
#: A person's own row of an item is asked for by its key, whatever the planner knows: never all rows for each item.
_TAKE = """
WITH held AS (
    SELECT id FROM annotations_assignment
    WHERE queue_id = %(queue)s AND annotator_id = %(user)s AND state = 'leased' AND role = 'review'
      AND item_id <> ALL(%(beside)s::uuid[])
    ORDER BY claimed_at, id LIMIT 1
), renewed AS (
    UPDATE annotations_assignment lease SET leased_until = %(until)s FROM held
    WHERE lease.id = held.id AND lease.state = 'leased' RETURNING lease.id
), fresh AS (
    SELECT item.id FROM annotations_queueitem item
    WHERE item.queue_id = %(queue)s AND item.status = 'pending' AND item.taken < item.wanted
      AND item.id <> ALL(%(beside)s::uuid[]) AND %(open)s AND NOT EXISTS (SELECT FROM held)
      AND coalesce((
        SELECT mine.state FROM annotations_assignment mine
        WHERE mine.item_id = item.id AND mine.annotator_id = %(user)s AND mine.role = 'review'
      ), '') NOT IN ('submitted', 'skipped', 'later')
    ORDER BY item.id LIMIT 1 FOR UPDATE OF item SKIP LOCKED
), put_off AS (
    SELECT item.id FROM annotations_assignment mine JOIN annotations_queueitem item ON item.id = mine.item_id
    WHERE mine.queue_id = %(queue)s AND mine.annotator_id = %(user)s AND mine.state = 'later' AND mine.role = 'review'
      AND item.status = 'pending' AND item.taken < item.wanted AND item.id <> ALL(%(beside)s::uuid[])
      AND %(open)s AND NOT EXISTS (SELECT FROM held) AND NOT EXISTS (SELECT FROM fresh)
    ORDER BY item.id LIMIT 1 FOR UPDATE OF item SKIP LOCKED
), taken AS (
    UPDATE annotations_queueitem item SET taken = item.taken + 1
    FROM (SELECT id FROM fresh UNION ALL SELECT id FROM put_off) chosen WHERE item.id = chosen.id
    RETURNING item.id, item.team_id
), made AS (
    INSERT INTO annotations_assignment
        (id, team_id, queue_id, item_id, annotator_id, role, state, leased_until, claimed_at,
         draft, skip_reason, skip_text)
    SELECT %(id)s, team_id, %(queue)s, id, %(user)s, 'review', 'leased', %(until)s, %(now)s, '{}', '', '' FROM taken
    ON CONFLICT (item_id, annotator_id, role) DO UPDATE SET state = 'leased', leased_until = excluded.leased_until
    RETURNING id
)
SELECT (SELECT id FROM made UNION ALL SELECT id FROM renewed), EXISTS (SELECT FROM held)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Whose claim, in which queue, and when."""

    queue_id: UUID
    user_id: UUID
    is_open: bool
    beside: Collection[UUID]
    now: dt.datetime
    until: dt.datetime


def take_next(claim: Claim) -> UUID | None:
    """The assignment that the claim leads to, or None where nothing is left."""
    while True:
        assignment_id, was_held = _send(claim)
        # What was held at first and then could not be renewed has just been ended by somebody else's claim.
        if assignment_id is not None or not was_held:
            return assignment_id


def end_leases(queue_id: UUID, *, now: dt.datetime) -> int:
    """Free the places of leases that ran out; of how many items."""
    with connection.cursor() as cursor:
        cursor.execute(_END_LEASES, {"queue": queue_id, "now": now, "most": MOST_ENDED})
        ended: int = cursor.rowcount
        return ended


def _send(claim: Claim) -> tuple[UUID | None, bool]:
    values: dict[str, Any] = {
        "key": (claim.queue_id.int ^ claim.user_id.int) & 0x7FFF_FFFF_FFFF_FFFF,
        "queue": claim.queue_id,
        "user": claim.user_id,
        "open": claim.is_open,
        "beside": list(claim.beside),
        "now": claim.now,
        "until": claim.until,
        "most": MOST_ENDED,
        "id": uuid7(),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{_ONE_AT_A_TIME}{_END_LEASES};{_TAKE}", values)
        while cursor.nextset():
            pass
        found: tuple[UUID | None, bool] = cursor.fetchone()
        return found
