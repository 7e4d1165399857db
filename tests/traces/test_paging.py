"""Searches that find very much are read a part of the time after the other: no row is lost or shown twice."""

from __future__ import annotations

import datetime as dt
import itertools
from uuid import UUID

import pytest
from django.utils import timezone

from apps.traces.models import Span, Trace
from apps.traces.models.saved_view import Listed
from apps.traces.selectors import lists, paging
from apps.traces.selectors.keyset import Page
from apps.traces.selectors.lists import find, of_teams, question_of
from apps.traces.selectors.paging import page_of
from support.ids import earliest
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
#: Seconds ago: some at once, some alone, some after long silence, the oldest close together again.
AGO = [*(100.0 + each / 7 for each in range(9)), 700, 5_000, 5_001, *(80_000.0 + each * 13 for each in range(11))]
ASKED = {"since": "7d", "q": "days leave"}


@pytest.fixture
def many(record, monkeypatch, team):
    """More traces that hold the words than are read by their ids, be they asked for in parts or not."""
    monkeypatch.setattr(lists, "FEW", 3)
    now = timezone.now()
    for place, ago in enumerate(AGO):
        made = earliest(now - dt.timedelta(seconds=ago))
        record(ago=ago, run_id=UUID(int=made.int + place))
    record(stories.failing_code, ago=80_050)
    return [team.id]


def pages(table: str, team_ids: list, *, size: int, way: str = "older", cursor: str = "") -> list[Page]:
    """All pages from a cursor on, one after the other."""
    question, found = question_of(ASKED, table=table), []
    while True:
        page = page_of(question, within=of_teams(table, team_ids), team_ids=team_ids, cursor=cursor, size=size)
        found.append(page)
        cursor = getattr(page, way)
        if not cursor:
            return found


@pytest.mark.parametrize("few_of_a_part", [0, 2, 1_000])
@pytest.mark.parametrize("table", [Listed.TRACES, Listed.SPANS, Listed.THOUGHTS])
def test_all_pages_together_are_what_one_long_list_would_be(many, monkeypatch, table, few_of_a_part):
    monkeypatch.setattr(paging, "FEW_OF_A_PART", few_of_a_part)
    question = question_of(ASKED, table=table)
    found = find(question, within=of_teams(table, many), team_ids=many)
    assert found.is_many
    expected = list(found.rows.order_by("-started_at", "-id").values_list("id", flat=True))
    assert len(expected) >= len(AGO)
    if table != Listed.THOUGHTS:
        assert len(expected) < {"traces": Trace, "spans": Span}[table].objects.count()
    for size in (1, 4, 100):
        forth = pages(table, many, size=size)
        assert [row.id for page in forth for row in page.rows] == expected
        back = pages(table, many, size=size, way="newer", cursor=forth[-1].newer) if forth[-1].newer else []
        seen = [row.id for page in reversed(back) for row in page.rows] + [row.id for row in forth[-1].rows]
        assert seen == expected


def test_a_page_of_common_words_reads_a_part_of_the_time(many, monkeypatch):
    asked = []
    monkeypatch.setattr(
        paging, "find", lambda question, **more: asked.append(question.during) or find(question, **more)
    )
    question = question_of(ASKED, table=Listed.SPANS)
    within = of_teams(Listed.SPANS, many)
    page = page_of(question, within=within, team_ids=many, size=2)
    assert len(page.rows) == 2
    whole, *parts = asked
    assert whole == question.during
    assert parts
    assert all(part.length < dt.timedelta(days=1) for part in parts)
    for shorter, longer in itertools.pairwise(parts):
        assert shorter.start > longer.start


def test_a_cursor_that_nobody_can_read_gives_the_newest_page(many):
    question = question_of(ASKED, table=Listed.TRACES)
    first = page_of(question, within=of_teams(Listed.TRACES, many), team_ids=many, size=3)
    for cursor in ("nonsense", "older.x.y", "older.99999999999999999999.00", "other.5.00"):
        page = page_of(question, within=of_teams(Listed.TRACES, many), team_ids=many, cursor=cursor, size=3)
        assert [row.id for row in page.rows] == [row.id for row in first.rows]
