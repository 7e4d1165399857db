"""The trace page: everything of a run, span by span, for those who may see it."""

import json
import re

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from apps.traces.models import Span, SpanPayload
from apps.traces.recorder.fold import fold
from apps.traces.recorder.store import write
from support.ids import uuid7
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def open_page(client, operator):
    client.force_login(operator)

    def get(trace, query: str = "") -> str:
        response = client.get(reverse("admin:traces_trace_change", args=[trace.id]) + query)
        assert response.status_code == 200
        return response.content.decode()

    return get


@pytest.fixture
def open_pane(client, operator):
    client.force_login(operator)

    def get(trace, node_id: str) -> str:
        span = Span.objects.get(trace=trace, node_id=node_id)
        response = client.get(reverse("admin:traces_trace_span", args=[trace.id, span.id]))
        assert response.status_code == 200
        return response.content.decode()

    return get


def skeleton(page: str) -> dict:
    """The rows that the page's script draws."""
    return json.loads(re.search(r'<script id="trace-rows" type="application/json">(.*?)</script>', page, re.S).group(1))


def rows(page: str) -> list[dict]:
    """The same by name, texts in place."""
    known = skeleton(page)
    texts = {"name", "kind", "status", "model", "node", "error"}
    return [
        {
            name: known["texts"][value] if name in texts else value
            for name, value in zip(known["columns"], row, strict=True)
        }
        for row in known["rows"]
    ]


def opened(page: str) -> str:
    """The name of the span whose pane comes with the page."""
    return re.search(r'class="detail-title">.*?<h2 title="([^"]*)"', page, re.S).group(1)


def test_the_page_has_every_node_with_its_time_and_opens_the_model_call(open_page, record):
    page = open_page(record())
    shown = [(row["name"], row["duration"] and round(row["duration"], -4), row["status"]) for row in rows(page)]
    assert shown == [
        ("Ask the handbook", 1_540_000, "ok"),
        ("Start", 0, "ok"),
        ("Find passages", 180_000, "ok"),
        ("Enough found?", 0, "ok"),
        ("Answer from the passages", 1_360_000, "ok"),
        ("Say it", 860_000, "ok"),
        ("Say that nothing was found", None, "skipped"),
    ]
    assert opened(page) == "Answer from the passages"
    assert "You answer questions about the company handbook." in page


def test_the_step_that_took_the_time_is_named_with_its_share(open_page, record):
    page = open_page(record())
    assert re.search(r'data-act="slowest".*?Answer from the passages</span> <b class="num">88 %', page, re.S)
    assert not any(row["flags"] & 1 for row in rows(page))  # every step was waited for: marking them says nothing
    branching = rows(open_page(record(stories.branching_run)))
    assert 0 < sum(row["flags"] & 1 for row in branching) < sum(row["offset"] is not None for row in branching)


def test_code_shows_where_it_failed_and_what_it_printed(open_page, open_pane, record):
    trace = record(stories.failing_code)
    page = open_page(trace)
    assert opened(page) == "Add it up"
    pane = open_pane(trace, "sums")
    assert 'aria-selected="true" tabindex="0" href="?span=' in pane
    assert re.search(r'id="tab-printed" [^>]*aria-selected="true"', pane)
    for text in (
        "File &quot;main.py&quot;, line 4, in main",
        "ValueError: no &lt;price&gt; here",
        "1 line &lt;read&gt;",
        "kind-code",
        "wall_ms",
    ):
        assert text in pane, text
    assert "<price>" not in pane
    quiet = open_pane(trace, "page")
    assert "kind-template" in quiet
    assert 'id="tab-printed"' not in quiet


def test_a_failed_run_opens_at_the_failure_and_says_why(open_page, record):
    page = open_page(record(stories.broken_stream))
    assert opened(page) == "Answer from the passages"
    assert "the connection was closed before the end of the stream" in page
    assert "model_unavailable" in page
    assert "After five years the notice period is two mon" in page
    assert "broken off" in page


def test_the_address_may_name_the_span_and_the_tab(open_page, record):
    trace = record()
    span = Span.objects.get(trace=trace, node_id="find")
    page = open_page(trace, f"?span={span.id}&tab=input")
    assert opened(page) == "Find passages"
    assert re.search(r'id="panel-passages"[^>]* hidden', page)
    assert not re.search(r'id="panel-input"[^>]* hidden', page)
    assert opened(open_page(trace, "?span=nonsense")) == "Answer from the passages"


def test_rows_say_when_the_span_ran_and_where_it_stands(open_page, record):
    page = open_page(record(stories.branching_run))
    row = next(row for row in rows(page) if row["name"] == "Look up the order")
    assert (row["offset"], row["duration"]) == (pytest.approx(683_000, abs=500), pytest.approx(610_000, abs=500))
    assert (row["depth"], row["parent"]) == (1, 0)
    assert skeleton(page)["total_us"] >= 2_750_000


def test_the_pane_of_a_retrieval_shows_passages_with_page_and_the_score_of_each_leg(open_pane, record):
    pane = open_pane(record(), "find")
    for words in ("Handbook 2026.pdf", "page 12", "page 15", "semantic", "0.8124", "full_text", "11.4200", "0.0325"):
        assert words in pane
    assert "Every employee has 30 days of paid leave" in pane


def test_the_pane_of_a_model_call_shows_messages_tokens_and_parameters(open_pane, record):
    pane = open_pane(record(), "answer_it")
    for words in (
        "System",
        "User",
        "Reply",
        "812",
        "of which read from a cache",
        "512",
        "temperature",
        "0.2",
        "gpt-4o-mini",
    ):
        assert words in pane


def test_the_pane_of_a_skipped_node_says_that_it_did_not_run(open_pane, record):
    assert "This step did not run" in open_pane(record(), "sorry")


def test_a_span_whose_payload_is_gone_keeps_its_times(open_pane, record):
    trace = record()
    SpanPayload.objects.filter(span__trace=trace).delete()
    pane = open_pane(trace, "answer_it")
    assert "The values of this span are not stored" in pane
    assert "1.36 s" in pane


def test_what_was_cut_is_marked_with_its_size(open_pane, record):
    def tell(**changes):
        story = stories.Story(stories.run_info({"work": ("code", "Work")}, **changes)).begin()
        return story.start("work").succeed("work", {"text": "x" * 2_000_000}).finish(outputs={})

    pane = open_pane(record(tell), "work")
    assert "was 2.0 MB and is shown up to 256 KB" in pane


def test_the_run_itself_shows_question_answer_and_thoughts(open_page, record):
    trace = record()
    root = Span.objects.get(trace=trace, position=0)
    page = open_page(trace, f"?span={root.id}")
    assert "Thoughts" in page
    assert "How many days of leave do I have" in page
    assert "leave grows by two and a half days" in page


def test_the_header_leads_to_the_run_the_conversation_and_the_review(open_page, record):
    trace = record()
    page = open_page(trace)
    assert reverse("admin:traces_trace_download", args=[trace.id]) in page
    for name, key in (
        ("admin:workflows_run_change", trace.run_id),
        ("admin:traces_conversation", trace.conversation_id),
        ("admin:annotations_message_review", trace.message_id),
    ):
        assert f'href="{reverse(name, args=[key])}"' in page
    workflow = open_page(record(stories.branching_run))
    assert "Review this answer" not in workflow


def test_the_page_and_the_pane_cost_a_bounded_number_of_queries(client, operator, record):
    client.force_login(operator)
    short, long = record(), record(stories.long_run)
    assert _queries(client, short) == _queries(client, long)
    default, traces = _queries(client, long)
    assert traces == 4  # the trace; its spans; the open span with its payload; runs called from there
    assert default <= 12  # the story of the run: its log, its app, its secrets; whether the person may run it again
    span = Span.objects.filter(trace=long).last()
    with CaptureQueriesContext(connections["traces"]) as captured:
        client.get(reverse("admin:traces_trace_span", args=[long.id, span.id]))
    assert len(captured) == 2


def _queries(client, trace) -> tuple[int, int]:
    with (
        CaptureQueriesContext(connections["default"]) as default,
        CaptureQueriesContext(connections["traces"]) as traces,
    ):
        client.get(reverse("admin:traces_trace_change", args=[trace.id]))
    return len(default), len(traces)


def test_the_download_holds_the_whole_trace(client, operator, record):
    client.force_login(operator)
    story = stories.branching_run(team_id=record().team_id)
    expected = fold(story.run, story.log)
    write([expected])
    response = client.get(reverse("admin:traces_trace_download", args=[story.run.run_id]))
    body = json.loads(response.content)
    assert "search" not in body["spans"][0]
    assert response["Content-Disposition"] == f'attachment; filename="trace-{story.run.run_id}.json"'
    assert [span["node_id"] for span in body["spans"]] == [span.node_id for span in expected.spans]
    assert body["started_at"].endswith(".123457+00:00")
    assert body["spans"][2]["payload"]["process"]["messages"]
    assert [thought["model"] for thought in body["thoughts"]] == ["demo", "demo"]


@pytest.mark.parametrize("page", ["change", "download", "span"])
def test_a_trace_of_another_team_is_not_found(client, operator, record, page):
    client.force_login(operator)
    theirs = record(team_id=uuid7())
    span = Span.objects.filter(trace=theirs).first()
    keys = [theirs.id, span.id] if page == "span" else [theirs.id]
    response = client.get(reverse(f"admin:traces_trace_{page}", args=keys))
    assert response.status_code == 404
    assert "How many days" not in response.content.decode()


def test_a_span_is_reached_through_its_own_trace_only(client, operator, record):
    client.force_login(operator)
    mine, theirs = record(), record(team_id=uuid7())
    span = Span.objects.filter(trace=theirs).first()
    assert client.get(reverse("admin:traces_trace_span", args=[mine.id, span.id])).status_code == 404


def test_a_trace_that_is_not_there_is_answered_with_a_way_on(client, operator):
    client.force_login(operator)
    response = client.get(reverse("admin:traces_trace_change", args=[uuid7()]))
    assert response.status_code == 404
    assert "A trace is written when its run has ended" in response.content.decode()


def test_nobody_changes_or_deletes_a_trace(client, record):
    client.force_login(User.objects.create_superuser("root", password="a long password"))
    trace = record()
    assert client.post(reverse("admin:traces_trace_delete", args=[trace.id])).status_code == 403
    assert client.get(reverse("admin:traces_trace_add")).status_code == 403


def test_strangers_are_sent_to_the_sign_in_page(client, record):
    response = client.get(reverse("admin:traces_trace_change", args=[record().id]))
    assert response.status_code == 302
    assert "login" in response.url


@pytest.mark.parametrize(
    "tell", [stories.stopped_run, stories.annotated_reply, stories.hostile_chat, stories.chinese_chat]
)
def test_every_kind_of_run_has_a_page(open_page, record, tell):
    trace = record(tell)
    assert str(trace.id) in open_page(trace)
