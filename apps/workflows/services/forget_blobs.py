"""Removing the large values that no run's log names any more."""

from __future__ import annotations

import datetime as dt

from django.db import connection

#: What was named lately stays, so that nobody who is about to name it again finds it gone.
GRACE = dt.timedelta(hours=1)
AT_ONCE = 1_000

_FORGET = """
    DELETE FROM workflows_blob WHERE (team_id, sha256) IN (
        SELECT blob.team_id, blob.sha256 FROM workflows_blob AS blob
        WHERE blob.used_at < clock_timestamp() - make_interval(secs => %s) AND NOT EXISTS (
            SELECT FROM workflows_blobuse AS used WHERE used.team_id = blob.team_id AND used.sha256 = blob.sha256)
        LIMIT %s
        FOR UPDATE SKIP LOCKED)
"""


def forget_blobs(*, grace: dt.timedelta = GRACE, limit: int = AT_ONCE) -> int:
    """Remove up to `limit` of them; how many there were.

    A log that names one meanwhile has its row locked or its `used_at` renewed, and both keep it from being removed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [grace.total_seconds(), limit])
        return int(cursor.rowcount)
