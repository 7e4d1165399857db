"""The dashboard: its numbers, the way from each to its runs, who sees them, and what it asks of the database."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from apps.traces.admin.dashboard.scope import asked_by
from apps.traces.models import Alert
from apps.traces.recorder import counters
from apps.traces.recorder.fold import fold
from apps.traces.recorder.store import write
from apps.workflows import hooks
from support.ids import earliest, uuid7
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
PAGE = "/admin/traces/dashboard/"
NOW = dt.datetime(2026, 11, 22, 20, 40, tzinfo=dt.UTC)


@pytest.fixture
def browse(client, operator) -> Callable[[str], str]:
    client.force_login(operator)

    def get(query: str = "") -> str:
        response = client.get(PAGE + query)
        assert response.status_code == 200
        return response.content.decode()

    return get


def card(page: str, label: str) -> str:
    """The figure under a label, as it is read."""
    found = re.search(
        rf'stat-label">{re.escape(label)}</span>\s*<span class="stat-value[^"]*">(.*?)</span>', page, re.DOTALL
    )
    assert found, label
    return found[1]


def lines(page: str, cause: str) -> list[tuple[str, str]]:
    """(address, words) of each line of a list."""
    part = page.split(f'data-cause="{cause}"')[1].split("</section>")[0]
    found = re.findall(r'<a class="dash-line" href="([^"]*)" data-line>(.*?)</a>', part, re.DOTALL)
    return [(unescape(url), " ".join(re.sub(r"<[^>]+>", " ", words).split())) for url, words in found]


def begun(ago: float) -> UUID:
    """An id that was made so many seconds ago, as that of a run that began then."""
    return UUID(int=earliest(timezone.now() - dt.timedelta(seconds=ago)).int | uuid7().int & (1 << 60) - 1)


def drawn(page: str, chart: str) -> dict[str, Any]:
    found = re.search(rf'<script id="chart-data-{chart}" type="application/json">(.*?)</script>', page)
    assert found, chart
    return json.loads(found[1])


def test_without_runs_it_says_what_would_be_here(browse):
    page = browse()
    assert "No runs in this time" in page
    assert "<canvas" not in page


def test_figures_charts_and_tables_say_the_same(browse, record):
    traces = [record(), record(), record(stories.broken_stream)]
    page = browse()
    assert card(page, "Runs") == "3"
    assert card(page, "Failed") == "33.3 %"
    total = sum(trace.total_tokens for trace in traces)
    assert card(page, "Tokens") == f"{total:,}"
    runs = drawn(page, "runs")
    assert [sum(series["values"]) for series in runs["series"]] == [1, 2]
    assert len(runs["labels"]) == len(runs["urls"]) in (25, 26)
    tokens = drawn(page, "tokens")
    assert sum(sum(series["values"]) for series in tokens["series"]) == total
    seconds = [value for value in drawn(page, "duration")["series"][0]["values"] if value is not None]
    middle = sorted(trace.duration_us for trace in traces)[1] / 1e6
    assert seconds == [pytest.approx(middle, rel=0.05)] or len(seconds) == 2  # two where an hour ended in between


def test_the_slowest_runs_lead_to_their_longest_step(browse, record):
    slow = record(stories.long_run, ago=7200)
    quick = [record() for _ in range(6)]
    found = lines(browse(), "slow")
    assert len(found) == 5
    address, words = found[0]
    assert address.startswith(reverse("admin:traces_trace_change", args=[slow.id]) + "?span=")
    opened = slow.spans.get(id=address.partition("span=")[2])
    steps = [span.duration_us for span in slow.spans.exclude(kind="run") if span.duration_us is not None]
    assert opened.duration_us == max(steps)
    assert "301 steps, none longer than 100 ms" in words
    assert "Answer from the passages took" in found[1][1]
    assert {url.split("?")[0] for url, _ in found[1:]} < {
        reverse("admin:traces_trace_change", args=[trace.id]) for trace in quick
    }


@pytest.mark.parametrize("query", ["", "?since=30d"])
def test_the_slowest_run_of_a_long_time_is_found_by_its_hour(browse, record, query):
    ago = (20 * 86_400 if query else 0) + 3 * 3600
    slow = record(stories.long_run, ago=ago, run_id=begun(ago))
    for hours in range(8):
        record(ago=hours * 3600 + 60)
    assert str(slow.id) in lines(browse(query), "slow")[0][0]


def test_errors_are_named_by_code_and_lead_to_their_runs(browse, record, client):
    app = uuid7()
    failed = [record(stories.broken_stream, application_id=app) for _ in range(3)]
    record(application_id=app)
    page = browse()
    ((address, words),) = lines(page, "errors")
    assert failed[0].error_code in words
    assert " 3 " in words
    listed = client.get(address).content.decode()
    assert [trace for trace in failed if str(trace.id) not in listed] == []
    ((address, words),) = lines(page, "apps")
    assert "3 of 4 runs failed" in words
    listed = client.get(address).content.decode()
    assert [trace for trace in failed if str(trace.id) not in listed] == []


def test_answers_that_are_not_helpful_lead_to_their_traces(browse, record, team):
    trace = record()
    gone = uuid7()

    class Told:
        """What annotations would tell."""

        def counts(self, scope, *, step):
            floor = timezone.now().replace(minute=0, second=0, microsecond=0)
            return [hooks.FeedbackCount(at=floor, application_id=uuid7(), likes=2, dislikes=2)]

        def dislikes(self, scope, *, limit):
            assert scope.team_ids == (team.id,)
            told = {"application_id": uuid7(), "at": timezone.now(), "reason": "Wrong", "text": "<b>No</b>"}
            return [hooks.Dislike(message_id=each, **told) for each in (trace.message_id, gone)]

    source = Told()
    hooks.register_feedback_source(source)
    try:
        page = browse()
    finally:
        hooks._feedback_sources.remove(source)
    assert card(page, "Not helpful") == "2"
    (first, words), (second, _) = lines(page, "wrong")
    assert first == reverse("admin:traces_trace_change", args=[trace.id])
    assert "Wrong" in words
    assert "<b>No</b>" not in page
    assert second == reverse("admin:annotations_message_review", args=[gone])
    assert [sum(series["values"]) for series in drawn(page, "verdicts")["series"]] == [2, 2]


def test_filters_narrow_every_number(browse, record):
    app = uuid7()
    record(application_id=app, application_name="Invoices", end_user="ada")
    record(stories.broken_stream, end_user="bob")
    assert card(browse(f"?app={app}"), "Runs") == "1"
    assert card(browse("?user=bob"), "Failed") == "100 %"
    page = browse("?user=nobody")
    assert "No runs here" in page
    (model,) = drawn_models(browse())
    assert card(browse(f"?model={model}"), "Calls") != "0"


def drawn_models(page: str) -> set[str]:
    part = page.split('aria-labelledby="by-model"')[1].split("</section>")[0]
    return set(re.findall(r'title="([^"]+)">', part))


def test_the_period_before_is_told_and_drawn(browse, record):
    record()
    for _ in range(3):
        record(ago=30 * 3600)
    page = browse()
    assert "−67%" in page
    assert [series["role"] for series in drawn(page, "runs")["series"]] == ["error", "main"]
    compared = drawn(browse("?compare=1"), "runs")["series"]
    assert compared[-1]["role"] == "before"
    assert sum(compared[-1]["values"]) == 3


def notes(page: str) -> dict[str, str]:
    """What stands below each figure, by its label."""
    cards = re.findall(r'stat-label">([^<]*)<.*?stat-note[^"]*">(.*?)</span>', page, re.DOTALL)
    return {label: " ".join(re.sub(r"<[^>]+>", " ", note).split()) for label, note in cards}


def test_a_first_day_is_not_compared_with_nothing(browse, record):
    record(stories.broken_stream)
    said = notes(browse())
    assert len(said) == 7
    assert (said["Runs"], said["Failed"]) == ("", "1 failed run")
    assert said["Not helpful"] == "0 helpful, 0 not"
    assert not any("before" in note for note in said.values())


def test_what_was_not_there_before_is_told_with_what_there_was(browse, record):
    record(ago=30 * 3600)
    record(stories.broken_stream)
    said = notes(browse())
    assert (said["Runs"], said["Failed"]) == ("As before", "0 % before")


def test_an_app_that_seldom_runs_is_named_when_it_fails(browse, record):
    for place in range(11):
        record(application_id=uuid7(), application_name=f"Busy {place}")
        record(application_id=(busy := uuid7()), application_name=f"Busier {place}")
        record(application_id=busy, application_name=f"Busier {place}")
    record(stories.broken_stream, application_id=uuid7(), application_name="Seldom")
    page = browse()
    ((_url, words),) = lines(page, "apps")
    assert words.startswith("Seldom 100 %")
    assert page.split('aria-labelledby="by-app"')[1].split("</section>")[0].count("<tr>") == 11


def test_users_are_read_when_somebody_looks_at_them(browse, record, client):
    record(end_user="ada", application_name="Invoices")
    record(end_user="<b>eve</b>")
    page = browse("?since=7d")
    assert "ada" not in page.split('id="by-user"')[1]
    table = unescape(re.search(r'hx-get="([^"]*users/table/[^"]*)"', page)[1])
    menu = unescape(re.search(r'hx-get="([^"]*users/menu/[^"]*)"', page)[1])
    rows = client.get(table).content.decode()
    assert 'href="?since=7d&amp;user=ada"' in rows
    assert "&lt;b&gt;eve&lt;/b&gt;" in rows
    assert "user=ada" in client.get(menu).content.decode()
    chosen = browse("?user=ada")
    assert "users/table/" not in chosen
    assert "users/menu/" in chosen
    client.force_login(User.objects.create_user(username="mia", password="a long password", is_staff=True))
    assert client.get(table).status_code == 403


def test_a_person_sees_their_teams_and_a_superuser_all(browse, record, client):
    record()
    record(team_id=uuid7(), application_name="Somebody else's app")
    page = browse()
    assert card(page, "Runs") == "1"
    assert "Somebody else" not in page
    client.force_login(User.objects.create_superuser("root", password="a long password"))
    assert card(client.get(PAGE).content.decode(), "Runs") == "2"


def test_somebody_of_no_team_is_refused(client, db):
    client.force_login(User.objects.create_user(username="nina", password="a long password", is_staff=True))
    assert client.get(PAGE).status_code == 403


def test_alerts_that_fire_stand_on_top(browse, team, record):
    firing = Alert.objects.create(
        team_id=team.id,
        name="Too slow",
        threshold=3,
        state="firing",
        value=9,
        since=timezone.now(),
        measure="latency_p95",
    )
    Alert.objects.create(team_id=uuid7(), name="Not ours", threshold=3, state="firing", since=timezone.now())
    page = browse()
    assert reverse("admin:traces_alert_change", args=[firing.id]) in page
    assert "9 s; 95th percentile of the duration above 3 s over 1 hour" in page
    assert "Not ours" not in page


@pytest.mark.parametrize(
    "query",
    [
        "?since=nonsense",
        "?from=2026-13-40",
        "?from=2026-11-02&to=2026-11-01",
        "?since=1y&compare=1",
        "?from=2001-01-01",
    ],
)
def test_an_address_that_cannot_be_read_shows_the_usual(browse, query):
    assert "Dashboard" in browse(query)


@pytest.mark.parametrize("query", ["", "?since=30d", "?since=90d&compare=1"])
def test_the_number_of_queries_does_not_grow(browse, team, query):
    def queries() -> int:
        with (
            CaptureQueriesContext(connections["default"]) as asked,
            CaptureQueriesContext(connections["traces"]) as asked_of_traces,
        ):
            browse(query)
        return len(asked) + len(asked_of_traces)

    def runs(number: int) -> None:
        told = [
            stories.moved(
                (stories.broken_stream if place % 3 == 0 else stories.retrieval_chat)(
                    team_id=team.id, application_name=f"App {place}", end_user=f"user {place}"
                ),
                ago=place * 3600 + 60,
            )
            for place in range(number)
        ]
        write([fold(story.run, story.log) for story in told])

    runs(6)
    browse(query)
    few = queries()
    runs(24)
    assert queries() <= few <= 32


def test_ranges_are_whole_hours_and_the_period_before_is_as_long():
    day = asked_by({}, now=NOW)
    assert (day.since.hour, day.until) == (20, dt.datetime(2026, 11, 22, 21, tzinfo=dt.UTC))
    week = asked_by({"since": "7d"}, now=NOW)
    assert week.since == dt.datetime(2026, 11, 15, tzinfo=dt.UTC)
    before = week.before()
    assert (before.since, before.until) == (
        dt.datetime(2026, 11, 7, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 14, 21, tzinfo=dt.UTC),
    )


def test_experiments_are_no_traffic_and_can_be_counted_too_or_alone(client, browse, record):
    app = uuid7()
    asked = record(ago=60, application_id=app, end_user="mei")
    tried = record(stories.broken_stream, ago=50, application_id=app, source="experiment")
    page = browse()
    assert (card(page, "Runs"), card(page, "Failed")) == ("1", "0 %")
    assert "1 run of experiments is not counted here." in page
    assert lines(page, "errors") == lines(page, "apps") == []
    assert [url.split("/")[4] for url, _words in lines(page, "slow")] == [str(asked.id)]
    listed = re.search(r'href="([^"]*)" title="[^"]*">\s*<span class="stat-label">Runs<', page)
    assert listed
    rows = client.get(unescape(listed[1])).content.decode()
    assert str(asked.id) in rows
    assert str(tried.id) not in rows
    both = browse("?experiments=with")
    assert (card(both, "Runs"), card(both, "Failed")) == ("2", "50.0 %")
    assert "not counted here" not in both
    alone = browse("?experiments=only&compare=1")
    assert (card(alone, "Runs"), card(alone, "Failed")) == ("1", "100 %")
    assert [url.split("/")[4] for url, _words in lines(alone, "slow")] == [str(tried.id)]
    assert 'href="?compare=1&amp;experiments=only&amp;since=7d"' in alone, "another range keeps what is counted"


def test_with_experiments_alone_the_page_says_that_it_leaves_them_out(browse, record):
    record(source="experiment")
    page = browse()
    assert "No runs in this time" in page
    assert 'href="?since=24h&amp;experiments=with"' in page


def test_addresses_keep_what_was_asked_and_models_exclude_users():
    asked = asked_by({"since": "7d", "app": "x", "user": "ada"}, now=NOW)
    assert asked.here(model="gpt") == "?since=7d&app=x&model=gpt"
    assert asked.here(since="24h") == "?app=x&user=ada&since=24h"
    assert "from=2026-11-15T00%3A00Z" in asked.runs(status="failed")
    assert "to=" not in asked.runs()
    assert asked_by({"user": "ada", "model": "gpt"}, now=NOW).filters == {"model": "gpt"}


def test_costs_are_drawn_in_one_currency_and_never_added(browse, team):
    for cost, currency in (("2", "EUR"), ("7", "CNY")):
        story = stories.moved(stories.retrieval_chat(team_id=team.id), ago=60)
        told = fold(story.run, story.log)
        write([replace(told, thoughts=(replace(told.thoughts[0], price=cost, currency=currency),))])
    page = browse()
    assert card(page, "Cost") in ("¥7.00 + €2.00", "€2.00 + ¥7.00")
    drawn = json.loads(re.search(r'id="chart-data-cost"[^>]*>(.*?)</script>', page)[1])
    assert max(drawn["series"][0]["values"]) == 7
    assert (drawn["series"][0]["label"], drawn["prefix"]) == ("Cost in CNY", "¥")


@pytest.fixture
def recorder():
    """The counts of the recorder, which begin at nothing."""

    def clear() -> None:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.delete(counters.KEY)

    clear()
    yield counters
    clear()


def test_the_dashboard_says_what_the_recorder_lost(browse, recorder):
    recorder.add({"written": 12, "retries": 1})
    assert "data-lost" not in browse()
    recorder.add({"dropped": 3})
    page = browse()
    assert "3 traces found no room" in page
    assert "tone-warning" in page.split("data-lost")[0].rsplit("<p", 1)[1]
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.hset(recorder.KEY, "dropped_at", 1_700_000_000)
    recorder.add({"refused": 1})
    page = browse()
    assert "1 trace could not be written" in page
    assert "tone-warning" not in page.split("data-lost")[0].rsplit("<p", 1)[1]


def test_the_dashboard_opens_while_the_counts_of_the_recorder_cannot_be_read(browse, monkeypatch, recorder):
    def away() -> None:
        raise redis.ConnectionError

    recorder.add({"dropped": 3})
    monkeypatch.setattr("apps.traces.admin.dashboard.page.recorder_counts", away)
    assert "data-lost" not in browse()
