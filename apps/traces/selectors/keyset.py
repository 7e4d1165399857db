"""Pages of rows in the order of a column and the id: each page costs the same, however far back it lies."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db.models import DateTimeField, DecimalField, Field, Model, Q, QuerySet

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
NEWEST = "started_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows, the largest first, and the cursors of the pages beside them (empty where there is none)."""

    rows: list[Any]
    newer: str = ""
    older: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether these are all the rows there are."""
        return not self.newer and not self.older


def read_page(queryset: QuerySet[Any], *, cursor: str = "", size: int = 50, by: str = NEWEST) -> Page:
    """The page that the cursor of another one names; the first for no cursor or one that cannot be read.

    Rows come by the column `by` and then the id, both descending; the column must not be null in any of them.
    """
    place = _parse(cursor, _column(queryset, by))
    if place is None:
        rows = list(queryset.order_by(f"-{by}", "-id")[: size + 1])
        return _page(rows[:size], by, newer=False, older=len(rows) > size)
    direction, value, row_id = place
    if direction == "older":
        # The first condition is what the index is entered by; the second settles equal values.
        below = queryset.filter(Q(**{f"{by}__lt": value}) | Q(id__lt=row_id), **{f"{by}__lte": value})
        rows = list(below.order_by(f"-{by}", "-id")[: size + 1])
        return _page(rows[:size], by, newer=True, older=len(rows) > size)
    above = queryset.filter(Q(**{f"{by}__gt": value}) | Q(id__gt=row_id), **{f"{by}__gte": value})
    rows = list(above.order_by(by, "id")[: size + 1])
    return _page(rows[:size][::-1], by, newer=len(rows) > size, older=True)


def read_few(queryset: QuerySet[Any], *, cursor: str = "", size: int = 50, by: str = NEWEST) -> Page:
    """The same page of rows that are known to be thousands at most: only their keys are read, and sorted here.

    Of an order with a limit the planner expects that walking along the order is the quickest, which it is not when
    the rows are chosen by their ids.
    """
    place = _parse(cursor, _column(queryset, by))
    keys = sorted(queryset.order_by().values_list(by, "id"), reverse=True)
    newer, older = place is not None, True
    if place is None or place[0] == "older":
        below = keys if place is None else [key for key in keys if key < place[1:]]
        chosen, older = below[:size], len(below) > size
    else:
        above = [key for key in keys if key > place[1:]]
        chosen, newer = above[-size:], len(above) > size
    found = queryset.in_bulk([row_id for _, row_id in chosen])
    return _page([found[row_id] for _, row_id in chosen if row_id in found], by, newer=newer, older=older)


def after(row: Any, *, by: str = NEWEST) -> str:
    """The cursor of the page that follows a row."""
    return _cursor("older", row, by)


def place_of(cursor: str) -> tuple[str, dt.datetime] | None:
    """Which way a cursor in the order of time leads ("older", "newer"), and from when; None where it cannot be read."""
    place = _parse(cursor, DateTimeField())
    return None if place is None else (place[0], place[1])


def counted(queryset: QuerySet[Any], *, exactly_to: int = 1_000, is_many: bool = False) -> tuple[int, bool]:
    """How many rows there are and whether that is exact: counted while they are few, estimated beyond.

    `is_many` is said of rows that are known to be more, to which counting would be waiting.
    """
    if is_many:
        return max(_planned(queryset), exactly_to), False
    few = queryset.order_by().values("pk")[: exactly_to + 1].count()
    if few <= exactly_to:
        return few, True
    return max(_planned(queryset), exactly_to), False


def _planned(queryset: QuerySet[Any]) -> int:
    """How many rows the planner expects: good enough for "about 12,300", and it reads none of them."""
    plan = json.loads(queryset.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def _page(rows: list[Model], by: str, *, newer: bool, older: bool) -> Page:
    if not rows:
        return Page(rows=[])
    return Page(
        rows=rows,
        newer=_cursor("newer", rows[0], by) if newer else "",
        older=_cursor("older", rows[-1], by) if older else "",
    )


def _column(queryset: QuerySet[Any], by: str) -> Any:
    return queryset.model._meta.get_field(by)


def _cursor(direction: str, row: Any, by: str) -> str:
    value = getattr(row, by)
    if isinstance(value, dt.datetime):
        value = (value - _EPOCH) // _MICROSECOND
    return f"{direction}.{value}.{row.id.hex}"


def _parse(cursor: str, column: Field[Any, Any]) -> tuple[str, Any, UUID] | None:
    direction, _, rest = cursor.partition(".")
    value, _, row_id = rest.rpartition(".")
    if direction not in ("newer", "older") or len(value) > 40:
        return None
    try:
        return direction, _value(value, column), UUID(row_id)
    except (ValueError, OverflowError, InvalidOperation):
        return None


def _value(text: str, column: Field[Any, Any]) -> Any:
    if isinstance(column, DateTimeField):
        return _EPOCH + int(text) * _MICROSECOND
    if isinstance(column, DecimalField):
        amount = Decimal(text)
        if not amount.is_finite():
            raise ValueError(text)
        return amount
    number = int(text)
    if abs(number) >= 1 << 63:
        raise ValueError(text)
    return number
