"""What the lists do at their edges: ranges of every kind, other orders, slow queries, odd addresses, no database."""

import datetime as dt
import json
import re

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from apps.traces.admin import asked, reading
from apps.traces.models import Span, Trace
from apps.traces.selectors.bounded import TooSlow, bounded
from apps.traces.selectors.lists import of_teams, question_of, rows_of
from support.errors import InvalidInput
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
LIST = "admin:traces_trace_changelist"


@pytest.fixture
def see(client, operator):
    """The list page at an address, whatever its status."""
    client.force_login(operator)

    def get(address: str = "", *, status: int = 200) -> str:
        response = client.get(reverse(LIST) + address)
        assert response.status_code == status
        return response.content.decode()

    return get


def ids(page: str) -> list[str]:
    return re.findall(r'<tr data-row="([0-9a-f-]{36})"', page)


def test_a_custom_range_has_a_beginning_and_an_end(see, record):
    old, middle, new = (record(ago=hours * 3600) for hours in (72, 48, 24.5))
    moment = timezone.now()
    start = f"{moment - dt.timedelta(hours=73):%Y-%m-%dT%H:%M}"
    end = f"{moment - dt.timedelta(hours=30):%Y-%m-%dT%H:%M}"
    page = see(f"?from={start}&to={end}")
    assert ids(page) == [str(middle.id), str(old.id)]
    assert f'value="{start}"' in page
    assert str(new.id) not in page


@pytest.mark.parametrize(
    "text", ["2026-11-22T09:30", "2026-11-22T09:30:15", "2026-11-22T09:30Z", "2026-11-22T09:30:00+08:00", "2026-11-22"]
)
def test_times_are_read_as_people_and_programs_write_them(text):
    assert question_of({"from": text}, table="traces").during.start.year == 2026


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31T00:00", "2026-11-22T25:00"])
def test_other_times_are_refused(text):
    with pytest.raises(InvalidInput):
        question_of({"from": text}, table="traces")


def test_a_range_that_ends_before_it_begins_is_left_out_and_said(see, record):
    trace = record()
    page = see("?from=2026-11-22T00:00&to=2020-01-01T00:00")
    assert "ends before it begins" in page
    assert str(trace.id) in page or "No traces" in page


@pytest.mark.parametrize(
    "address",
    [
        "?slower=-1",
        "?slower=99999999999999999999",
        "?cost=NaN",
        "?cost=1e999",
        "?version=4294967296",
        "?conversation=x",
        "?cols=nothing",
        "?sort=sideways",
        "?since=&status=",
        "?view=nonsense",
        "?ids=x",
        "?at=older.NaN.0&sort=costliest",
        "?at=older." + "9" * 39 + ".0&sort=slowest",
        "?q=" + "x" * 5000,
        "?q=&q=%26%7C%21%3A%2A%28",
    ],
)
def test_odd_addresses_show_a_page(see, record, address):
    record()
    see(address)


def test_the_slowest_and_the_most_expensive_come_first_page_by_page(see, record, monkeypatch):
    from apps.traces.admin.trace import TraceAdmin

    monkeypatch.setattr(TraceAdmin, "list_per_page", 2)
    made = [record(ago=100 + number) for number in range(5)]
    for place, trace in enumerate(made):
        Trace.objects.filter(id=trace.id).update(duration_us=1_000 * (place // 2), cost=f"0.00{place}")
    for order, columns in (("slowest", ("duration_us", "id")), ("costliest", ("cost", "id"))):
        found, address = [], f"?sort={order}"
        while address:
            page = see(address)
            found += ids(page)
            older = re.search(r'href="([^"]*)" rel="next"', page)
            address = older.group(1).replace("&amp;", "&") if older else ""
        expected = Trace.objects.order_by(*(f"-{column}" for column in columns)).values_list("id", flat=True)
        assert found == [str(each) for each in expected]


def test_a_query_that_takes_too_long_is_ended_and_shorter_ranges_are_offered(see, record, settings, monkeypatch):
    record(stories.broken_stream)
    settings.TRACE_LIST_SECONDS = 0.05
    find = reading.find

    def slowly(question, *, within, **more):
        return find(question, within=within.extra(where=["pg_sleep(1) IS NOT NULL"]), **more)

    monkeypatch.setattr(reading, "find", slowly)
    page = see("?since=30d&status=failed&sort=slowest", status=503)
    assert "This took too long and was ended" in page
    offered = re.findall(r'<a class="button[^"]*" href="[^"]*">([^<]+)</a>', page[page.index('role="alert"') :])
    assert offered[:4] == ["Last 7 days", "Last 24 hours", "Last 6 hours", "Newest first"]


def test_a_count_that_takes_too_long_does_not_take_the_rows_along(see, record, monkeypatch):
    from apps.traces.admin.trace import TraceAdmin

    monkeypatch.setattr(TraceAdmin, "list_per_page", 1)
    record()
    record()

    def slow(_rows, **_more):
        raise TooSlow("The count was ended.")

    monkeypatch.setattr(reading, "counted", slow)
    page = see()
    assert len(ids(page)) == 1
    assert "many rows" in page


def test_an_absent_trace_database_is_told_from_an_empty_list(see, monkeypatch):
    def refuse(*_args, **_more):
        raise OperationalError("connection refused")

    monkeypatch.setattr(reading, "page_of", refuse)
    monkeypatch.setattr(asked, "views_for", refuse)
    assert "The trace database does not answer" in see(status=503)


def test_the_time_limit_ends_with_the_list(record):
    record()
    with pytest.raises(TooSlow), bounded(0.02):
        list(Trace.objects.extra(where=["pg_sleep(1) IS NOT NULL"]))
    with bounded(0.5):
        assert Trace.objects.exists()
    assert list(Trace.objects.extra(where=["pg_sleep(0.6) IS NOT NULL"]))


@pytest.mark.parametrize("table", ["traces", "spans", "thoughts"])
def test_months_outside_the_range_are_not_opened(record, table):
    record()
    question = question_of({"from": "2031-03-10T00:00", "to": "2031-03-12T00:00"}, table=table)
    rows = rows_of(question, within=of_teams(table, None), team_ids=None).order_by("-started_at", "-id")
    plan = json.dumps(json.loads(rows.explain(format="json")))
    assert set(re.findall(r'"Relation Name": "([^"]+)"', plan)) <= {f"{rows.model._meta.db_table}_default"}


def test_words_are_found_in_chinese_and_in_what_later_steps_said(see, record):
    chinese = record(stories.chinese_chat)
    record()
    assert ids(see("?q=年假")) == [str(chinese.id)]
    assert ids(see("?q=没有这样的词语")) == []


def test_a_user_is_found_by_the_exact_name(see, record):
    mei = record(end_user="mei.lin@example.com")
    record(end_user="somebody")
    assert ids(see("?q=mei.lin@example.com")) == [str(mei.id)]


def test_filters_offer_apps_and_models_that_were_at_work_in_the_range(see, record):
    record(application_name="Ask the bees")
    record(stories.branching_run, ago=40 * 86_400)
    page = see()
    assert "Ask the bees</span>" in page
    assert "gpt-4o-mini</span>" in page
    assert "Triage tickets</span>" not in page
    assert "Triage tickets</span>" in see("?since=90d")


def test_chosen_columns_are_shown_and_no_others(see, record):
    record()
    page = see("?cols=models&cols=version")
    assert "gpt-4o-mini" in page
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', page)
    assert heads == ["Input", "Models", "Version"]


def test_every_column_can_be_shown(client, operator, record):
    client.force_login(operator)
    record(stories.hostile_chat)
    for name, columns in _columns().items():
        address = f"{reverse(name)}?cols={','.join(column.name for column in columns)}"
        assert client.get(address).content.decode().count('<th scope="col"') == len(columns) + 2


def _columns():
    from apps.traces.admin import columns

    return {
        LIST: columns.TRACE_COLUMNS,
        "admin:traces_span_changelist": columns.SPAN_COLUMNS,
        "admin:traces_agentthought_changelist": columns.THOUGHT_COLUMNS,
    }


def test_spans_keep_their_filters_apart_from_traces(client, operator, record):
    client.force_login(operator)
    record(stories.broken_stream)
    page = client.get(reverse("admin:traces_span_changelist") + "?kind=llm&status=troubled").content.decode()
    assert ids(page) == [str(Span.objects.get(kind="llm").id)]
