"""Pages of rows ordered by (-started_at, -id): each page costs the same, however far back it lies."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows, newest first, and the cursors of the pages beside them (empty where there is none)."""

    rows: list[Any]
    newer: str = ""
    older: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether these are all the rows there are."""
        return not self.newer and not self.older


def read_page(queryset: QuerySet[Any], *, cursor: str = "", size: int = 50) -> Page:
    """The page that the cursor of another one names; the newest for no cursor or one that cannot be read."""
    place = _parse(cursor)
    if place is None:
        rows = list(queryset.order_by("-started_at", "-id")[: size + 1])
        return _page(rows[:size], newer=False, older=len(rows) > size)
    direction, started_at, row_id = place
    if direction == "older":
        # The first condition is what the index is entered by; the second settles equal times.
        below = queryset.filter(Q(started_at__lt=started_at) | Q(id__lt=row_id), started_at__lte=started_at).order_by(
            "-started_at", "-id"
        )
        rows = list(below[: size + 1])
        return _page(rows[:size], newer=True, older=len(rows) > size)
    above = queryset.filter(Q(started_at__gt=started_at) | Q(id__gt=row_id), started_at__gte=started_at).order_by(
        "started_at", "id"
    )
    rows = list(above[: size + 1])
    return _page(rows[:size][::-1], newer=len(rows) > size, older=True)


def counted(queryset: QuerySet[Any], *, exactly_to: int = 1_000) -> tuple[int, bool]:
    """How many rows there are and whether that is exact: counted while they are few, estimated beyond."""
    few = queryset.order_by().values("pk")[: exactly_to + 1].count()
    if few <= exactly_to:
        return few, True
    return max(_planned(queryset), exactly_to), False


def _planned(queryset: QuerySet[Any]) -> int:
    """How many rows the planner expects: good enough for "about 12,300", and it reads none of them."""
    plan = json.loads(queryset.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def _page(rows: list[Model], *, newer: bool, older: bool) -> Page:
    if not rows:
        return Page(rows=[])
    return Page(
        rows=rows,
        newer=_cursor("newer", rows[0]) if newer else "",
        older=_cursor("older", rows[-1]) if older else "",
    )


def _cursor(direction: str, row: Any) -> str:
    return f"{direction}.{(row.started_at - _EPOCH) // _MICROSECOND}.{row.id.hex}"


def _parse(cursor: str) -> tuple[str, dt.datetime, UUID] | None:
    direction, _, rest = cursor.partition(".")
    micros, _, row_id = rest.partition(".")
    if direction not in ("newer", "older"):
        return None
    try:
        return direction, _EPOCH + int(micros) * _MICROSECOND, UUID(row_id)
    except (ValueError, OverflowError):
        return None
