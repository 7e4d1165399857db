"""The vectors that a team has paid for: found again by model and text, whichever document they stand in."""

from __future__ import annotations

import datetime as dt
import hashlib
from array import array
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import connection
from django.utils import timezone

from apps.datasets.models import CachedVector

FREE_SPACES = ("hashing/",)
"""What costs less to make again than to look up."""
KEPT = dt.timedelta(days=30)
_SAVE = """
    INSERT INTO datasets_cachedvector (team_id, key, vector, used_on) VALUES (%s, %s, %s, %s)
    ON CONFLICT (team_id, key) DO NOTHING
"""


def find_vectors(texts: Sequence[str], *, space: str, dim: int, team_id: UUID) -> dict[str, list[float]]:
    """The vectors that are known, by text; also notes that they were needed today."""
    if not texts or space.startswith(FREE_SPACES):
        return {}
    keys = {_key(text, space): text for text in texts}
    rows = CachedVector.objects.filter(team_id=team_id, key__in=list(keys))
    found = {
        keys[bytes(key)]: numbers.tolist()
        for key, vector in rows.values_list("key", "vector")
        if len(numbers := array("f", bytes(vector))) == dim
    }
    if found:
        rows.filter(used_on__lt=timezone.now().date()).update(used_on=timezone.now().date())
    return found


def save_vectors(vectors: Mapping[str, Sequence[float]], *, space: str, team_id: UUID) -> None:
    """Keep vectors for the next time; a text that is there already keeps its vector."""
    if not vectors or space.startswith(FREE_SPACES):
        return
    today = timezone.now().date()
    rows = [(team_id, _key(text, space), array("f", vector).tobytes(), today) for text, vector in vectors.items()]
    with connection.cursor() as cursor:
        cursor.executemany(_SAVE, rows)


def forget_old_vectors() -> int:
    """Remove what nobody needed for a month; returns how many."""
    old = CachedVector.objects.filter(used_on__lt=(timezone.now() - KEPT).date())
    return int(old._raw_delete("default"))


def _key(text: str, space: str) -> bytes:
    return hashlib.sha256(f"{space}\0{text}".encode("utf-8", "replace")).digest()
