"""Pages of what a question finds; of a search that finds very much, a part of the time after the other.

Of a word in one of a thousand spans neither way of looking is quick when there are millions: by time a page is spread
over fifty thousand spans, by the word thousands are sorted for fifty. In a part of the time both indexes together name
the few rows that are meant. So the part next to the page before is asked first, then larger ones until a page is full.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from apps.traces.models.saved_view import Listed
from apps.traces.selectors.keyset import NEWEST, Page, place_of, read_few, read_page
from apps.traces.selectors.lists import AROUND, Question, during_of, find
from apps.traces.selectors.search import FEW_OF_A_PART, Found
from apps.traces.selectors.time_range import TimeRange

#: The first part is as long as so many pages should take.
PAGES = 2
#: How much longer each part is than the first.
GROWTH = (1, 3, 9, 27, 81)
#: How often the parts are made shorter, for rows that lie closer in them than was known.
CHANGES = 2
#: Where it is not known how far rows are apart.
_SHARE = 1 / 1_000
_SHORTEST = dt.timedelta(seconds=1)
_MICROSECOND = dt.timedelta(microseconds=1)


def page_of(
    question: Question,
    *,
    within: QuerySet[Any],
    team_ids: Collection[UUID] | None,
    cursor: str = "",
    size: int = 50,
    found: Found | None = None,
) -> Page:
    """The page that a cursor names, of the rows `within` of these teams (None: of any). `found`, if it is at hand."""
    found = found or find(question, within=within, team_ids=team_ids)
    if not found.is_many or question.column != NEWEST:
        return _read(found, cursor=cursor, size=size, by=question.column)
    near, apart, changes = _near(question.during, cursor, within=within), found.apart, CHANGES
    widths = _widths(apart, size=size, most=question.during.length)
    while True:
        width = next(widths, None)
        part = _part(question.during, cursor, near=near, width=width)
        few = 0 if _is_dense(apart) and question.table == Listed.TRACES else FEW_OF_A_PART
        inside = find(replace(question, during=part), within=within, team_ids=team_ids, few=few)
        if changes and width and inside.is_many and inside.apart and inside.apart * size * PAGES * 2 < width:
            # They lie closer here than where they were first met.
            apart, changes = inside.apart, changes - 1
            widths = _widths(apart, size=size, most=question.during.length)
            continue
        page = _read(inside, cursor=cursor, size=size, by=question.column)
        if width is None or (page.newer if cursor.startswith("newer") else page.older):
            return page


def _read(found: Found, *, cursor: str, size: int, by: str) -> Page:
    read = read_few if found.is_few else read_page
    return read(found.rows, cursor=cursor, size=size, by=by)


def _is_dense(apart: dt.timedelta | None) -> bool:
    """Whether traces lie so close that those of a part are looked through one by one.

    Their spans are read by their ids from an hour around the part, and would be many.
    """
    return apart is not None and apart * (FEW_OF_A_PART // 8) < AROUND * 2


def _widths(apart: dt.timedelta | None, *, size: int, most: dt.timedelta) -> Iterator[dt.timedelta]:
    """How long parts are, one after the other; after these, all the time that is left."""
    first = max(apart * size * PAGES, _SHORTEST) if apart else most * _SHARE
    return (first * times for times in GROWTH if first * times < most)


def _near(during: TimeRange, cursor: str, *, within: QuerySet[Any]) -> dt.datetime:
    """When the row began, found or not, that is next to where the cursor stands."""
    rows = during_of(within, _part(during, cursor))
    is_newer = cursor.startswith("newer")
    first = rows.order_by(NEWEST if is_newer else f"-{NEWEST}").values_list(NEWEST, flat=True).first()
    return first or (during.end or timezone.now() if is_newer else during.start)


def _part(
    during: TimeRange, cursor: str, *, near: dt.datetime | None = None, width: dt.timedelta | None = None
) -> TimeRange:
    """The range from where the cursor stands, to `width` behind the row next to it."""
    direction, place = place_of(cursor) or ("older", None)
    if direction == "newer" and place is not None:
        return TimeRange(start=place, end=during.end if near is None or width is None else near + width)
    # Another row of the same microsecond may follow.
    end = during.end if place is None else place + _MICROSECOND
    return TimeRange(start=during.start if near is None or width is None else near - width, end=end)
