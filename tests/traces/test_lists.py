"""The lists of traces, spans and thoughts: what they show, to whom, and what they cost."""

import re

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Team, User
from apps.traces.models import AgentThought, Span, Trace
from apps.traces.selectors.keyset import counted, read_page
from support.ids import uuid7
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
LIST = "admin:traces_trace_changelist"


@pytest.fixture
def browse(client, operator):
    """The list page as the operator sees it."""
    client.force_login(operator)

    def get(address: str = "", name: str = LIST) -> str:
        response = client.get(reverse(name) + address)
        assert response.status_code == 200
        return response.content.decode()

    return get


def chip(page: str, label: str) -> str:
    """What the chip of a filter says that it is set to."""
    found = re.search(rf'chip-key">{label}</span><span class="truncate">(.*?)</span>', page)
    return found.group(1) if found else ""


def shown(page: str) -> list[str]:
    """The ids of the listed traces, in order."""
    return re.findall(r'class="history-main"><a[^>]*traces/trace/([0-9a-f-]{36})/change/', page)


def test_a_run_is_listed_with_what_an_operator_asks_first(browse, record):
    record(end_user="mei.lin", source="public")
    page = browse()
    for words in (
        "How many days of leave",
        "You have 30 days",
        "Succeeded",
        "Ask the handbook",
        "1.54 s",
        "680 ms",
        "876",
    ):
        assert words in page
    assert "mei.lin" in page
    assert "Chat page" in page


def test_the_newest_run_comes_first_and_old_ones_wait_behind_the_time_range(browse, record):
    old, newer = record(ago=8 * 86_400), record(ago=3_600)
    newest = record(stories.branching_run, ago=5)
    assert shown(browse()) == [str(newest.id), str(newer.id)]
    assert chip(browse(), "Started") == "Last 24 hours"
    assert shown(browse("?since=30d"))[-1] == str(old.id)
    assert shown(browse("?since=1h")) == [str(newest.id)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status=failed", "broken"),
        ("?source=public", "broken"),
        ("?slower=10000", "broken"),
        ("?q=notice+period", "broken"),
        ("?q=model_unavailable", "broken"),
        ("?q=ticket", "triage"),
        ("?status=succeeded", "chat"),
    ],
)
def test_filters_and_search_narrow_the_list(browse, record, query, expected):
    made = {"broken": record(stories.broken_stream), "triage": record(stories.branching_run), "chat": record()}
    assert shown(browse(query)) == [str(made[expected].id)]


def test_the_app_filter_offers_the_apps_that_have_traces_by_name(browse, record):
    app_id = uuid7()
    mine = record(application_id=app_id, application_name="Ask the bees")
    record(stories.branching_run)
    page = browse()
    assert page.index("Ask the bees</span>") < page.index("Triage tickets</span>")
    assert shown(browse(f"?app={app_id}")) == [str(mine.id)]


def test_an_id_is_found_whatever_the_filters_say(browse, record):
    old = record(stories.broken_stream, ago=90 * 86_400)
    for each in (old.id, old.message_id, old.conversation_id):
        assert shown(browse(f"?status=succeeded&q={each}")) == [str(old.id)]


def test_a_person_sees_the_traces_of_their_teams_only(browse, record):
    mine = record()
    theirs = record(team_id=uuid7(), application_name="Somebody else's app")
    page = browse("?since=1y")
    assert shown(page) == [str(mine.id)]
    assert "Somebody else" not in page
    assert shown(browse(f"?q={theirs.id}")) == []


def test_a_superuser_sees_all_teams(client, record):
    client.force_login(User.objects.create_superuser("root", password="a long password"))
    made = {str(record().id), str(record(team_id=uuid7()).id)}
    assert set(shown(client.get(reverse(LIST)).content.decode())) == made


def test_somebody_of_no_team_is_refused(client, team):
    client.force_login(User.objects.create_user(username="nina", password="a long password", is_staff=True))
    assert client.get(reverse(LIST)).status_code == 403


def test_pages_follow_each_other_without_gap_or_repeat_and_back(browse, record, monkeypatch):
    from apps.traces.admin.trace import TraceAdmin

    monkeypatch.setattr(TraceAdmin, "list_per_page", 4)
    made = [str(record(ago=100 + number).id) for number in range(10)]
    first = browse()
    assert "10 rows" in first
    pages, address = [shown(first)], older(first)
    while address:
        page = browse(address)
        pages.append(shown(page))
        address = older(page)
    assert [row for page in pages for row in page] == made
    assert shown(browse(newer(browse(older(first))))) == pages[0]


def older(page: str) -> str:
    return _link(page, "next")


def newer(page: str) -> str:
    return _link(page, "prev")


def _link(page: str, rel: str) -> str:
    found = re.search(rf'href="(\?[^"]*)" rel="{rel}"', page)
    return found.group(1).replace("&amp;", "&") if found else ""


def test_rows_of_one_moment_are_neither_lost_nor_repeated_between_pages(record):
    made = {record(ago=50).id for _ in range(7)}
    Trace.objects.update(started_at=Trace.objects.first().started_at)
    seen, cursor = [], ""
    while True:
        page = read_page(Trace.objects.all(), cursor=cursor, size=3)
        seen += [row.id for row in page.rows]
        cursor = page.older
        if not cursor:
            break
    assert (len(seen), set(seen)) == (7, made)


@pytest.mark.parametrize("cursor", ["nonsense", "older.x.y", "older.99999999999999999999.00", "newer..", "older.5"])
def test_a_cursor_that_cannot_be_read_gives_the_newest_page(record, cursor):
    trace = record()
    assert [row.id for row in read_page(Trace.objects.all(), cursor=cursor).rows] == [trace.id]


def test_many_rows_are_counted_by_the_planner_and_few_one_by_one(record):
    for _ in range(5):
        record()
    assert counted(Trace.objects.all()) == (5, True)
    number, exact = counted(Trace.objects.all(), exactly_to=3)
    assert number >= 3
    assert not exact


def test_the_list_costs_the_same_however_many_rows_it_has(client, operator, record, monkeypatch):
    from apps.traces.admin.trace import TraceAdmin

    monkeypatch.setattr(TraceAdmin, "list_per_page", 20)
    client.force_login(operator)
    for _ in range(3):
        record()
    few = _queries(client)
    for _ in range(30):
        record()
    many = _queries(client)
    assert few["traces"] == 5  # views and the one to open with; what two filters offer; the rows
    assert many["traces"] == 6  # and how many there are
    assert many["default"] == few["default"] <= 8  # one of them asks for the queues that traces can be put into


def _queries(client) -> dict[str, int]:
    with (
        CaptureQueriesContext(connections["default"]) as default,
        CaptureQueriesContext(connections["traces"]) as traces,
    ):
        assert client.get(reverse(LIST)).status_code == 200
    for query in traces.captured_queries:
        assert '"traces_trace"."input",' not in query["sql"], "the list reads a large column"
    return {"default": _reads(default), "traces": _reads(traces)}


def _reads(captured: CaptureQueriesContext) -> int:
    """Queries, without what begins, bounds and ends them."""
    around = ("SAVEPOINT", "RELEASE", "SET LOCAL", "SELECT set_config", "BEGIN", "COMMIT")
    return sum(not query["sql"].startswith(around) for query in captured.captured_queries)


def test_an_empty_list_says_what_would_be_here(browse):
    assert "A trace appears here as soon as a run of an app has ended" in browse()
    assert "No row fits these filters" in browse("?status=failed")


def test_spans_are_listed_across_runs_without_the_skipped_ones(browse, record):
    record()
    record(stories.broken_stream)
    page = browse(name="admin:traces_span_changelist")
    assert "Find passages" in page
    assert "Say that nothing was found" not in page
    failed = browse("?status=error", name="admin:traces_span_changelist")
    assert "The model stopped answering" in failed
    assert "Find passages" not in failed
    assert browse("?kind=llm&model=gpt-4o-mini", name="admin:traces_span_changelist").count("history-main") == 2


def test_thoughts_are_listed_with_model_parameters_tokens_and_latency(browse, record):
    record()
    page = browse(name="admin:traces_agentthought_changelist")
    for words in ("You have 30 days", "gpt-4o-mini", "openai", "temperature 0.2", "812", "64", "1.36 s"):
        assert words in page


@pytest.mark.parametrize("model", [Span, AgentThought], ids=["span", "thought"])
def test_a_row_of_the_other_lists_opens_its_trace_at_the_span(client, operator, record, model):
    client.force_login(operator)
    trace = record()
    row = model.objects.filter(trace=trace).exclude(team_id=None).first()
    address = reverse(f"admin:traces_{model._meta.model_name}_change", args=[row.id])
    response = client.get(address)
    span_id = row.id if model is Span else row.span_id
    assert response.url == f"{reverse('admin:traces_trace_change', args=[trace.id])}?span={span_id}"
    other = record(team_id=Team.objects.create(slug="wasps", name="Wasps").id)
    hidden = model.objects.filter(trace=other).first()
    assert client.get(reverse(f"admin:traces_{model._meta.model_name}_change", args=[hidden.id])).status_code == 404


@pytest.mark.parametrize("name", ["trace", "span", "agentthought"])
def test_a_search_reads_the_words_of_the_teams_that_are_looked_at_only(browse, record, team, name):
    record()
    record(team_id=Team.objects.create(slug="wasps", name="Wasps").id)
    with CaptureQueriesContext(connections["traces"]) as captured:
        page = browse("?q=notice+period", name=f"admin:traces_{name}_changelist")
    assert "notice period" in page
    searches = [query["sql"] for query in captured if "@@" in query["sql"]]
    assert searches
    for sql in searches:
        read = re.search(r'FROM "traces_span"(.*?)@@', sql, re.DOTALL)
        assert read is not None
        assert team.id.hex in read[1].replace("-", ""), sql
