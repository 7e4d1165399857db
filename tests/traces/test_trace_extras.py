"""What the trace page has beside its rows: search in values, graph, log, comparison, stories, ways into the app."""

import io
import json

import pytest
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.traces.models import Span, Trace
from apps.traces.recorder.observer import flush
from apps.workflows import services
from apps.workflows.models import Run
from support.ids import uuid7
from tests.traces import elsewhere, stories
from tests.traces.test_real_runs import CHAT

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)


@pytest.fixture
def fetch(client, operator):
    client.force_login(operator)

    def get(name: str, *args, **query):
        response = client.get(reverse(f"admin:traces_trace_{name}", args=args), query)
        assert response.status_code == 200, response.content[:500]
        return response

    return get


@pytest.fixture
def ran(team):
    """The trace of a real run of a real app."""
    services.import_document(text=CHAT, team_id=team.id)
    call_command("run_app", "echo", "--query", "How tall is a skep?", "--team", "bees", stdout=io.StringIO())
    assert flush(10)
    return Trace.objects.get()


def test_the_search_looks_into_values_as_well(fetch, record):
    trace = record()
    find = Span.objects.get(trace=trace, node_id="find")
    found = fetch("find", trace.id, q="Handbook 2026.pdf").json()["spans"]
    assert str(find.id) in found
    assert fetch("find", trace.id, q="nobody said this").json() == {"spans": []}
    assert fetch("find", trace.id, q="").json() == {"spans": []}


def test_rows_of_a_long_trace_come_in_portions(fetch, team):
    trace = elsewhere.big_trace(team.id, spans=1_600)
    page = fetch("change", trace.id).text
    assert "trace-rows" not in page.split("trace-words")[1]
    assert 'rel="preload" as="fetch"' in page
    with CaptureQueriesContext(connections["traces"]) as captured:
        rows = fetch("rows", trace.id).json()
    assert len(captured) == 2
    assert (len(rows["rows"]), rows["spans"]) == (1_600, 1_600)
    assert len(fetch("rows", trace.id, limit="100").json()["rows"]) == 100
    assert len(fetch("rows", trace.id, limit="nonsense").json()["rows"]) == 1_600


def test_a_trace_from_elsewhere_has_its_events_attributes_links_and_costs(fetch, team):
    trace = elsewhere.odd_trace(team.id)
    page = fetch("change", trace.id).text
    assert "$0.0246" in page
    assert "Open in playground" not in page
    panes = {span.key: fetch("span", trace.id, span.id).text for span in Span.objects.filter(trace=trace)}
    assert "exception.message" in panes["fails"]
    assert "server.address" in panes["open"]
    assert elsewhere.LINK["trace_id"] in panes["lost"]
    assert "$0.0073" in panes["think"]
    assert "Run again from here" not in "".join(panes.values())
    assert "the card &lt;b&gt;was&lt;/b&gt; refused" in panes["fails"]


def test_the_graph_is_the_workflow_with_what_became_of_each_node(fetch, ran):
    graph = fetch("graph", ran.id).text
    assert "The workflow as it was in this run." in graph
    assert graph.count("fate-ok") == 4
    assert graph.count("fate-skipped") == 1
    assert graph.count('drawing-line way-taken"') == 3
    assert 'drawing-line"' in graph


def test_a_trace_from_elsewhere_has_a_graph_of_what_was_called(fetch, team):
    graph = fetch("graph", elsewhere.odd_trace(team.id).id).text
    assert "Made of the spans" in graph
    assert "1.50 s × 6" in graph
    assert "90 ms, 1 failed" in graph


def test_the_log_tells_what_happened_in_order_and_can_be_taken_away(fetch, team, record):
    trace = elsewhere.odd_trace(team.id)
    lines = fetch("log", trace.id).json()["lines"]
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    assert ["error", "book", "exception exception.message=card refused"] in [[line[1], *line[3:]] for line in lines]
    text = fetch("log_download", trace.id)
    assert text["Content-Disposition"] == f'attachment; filename="trace-{trace.id}.log"'
    assert "ERROR   [book] failed after 90 ms: PaymentRefused the card <b>was</b> refused\n" in text.content.decode()
    assert "1 line <read>" in fetch("log_download", record(stories.failing_code).id).content.decode()


def test_two_traces_stand_beside_each_other(fetch, record):
    left, right = record(), record(stories.broken_stream, ago=30)
    chosen = fetch("compare", left.id).text
    assert f"?with={right.id}" not in chosen  # another app: each told run has its own
    page = fetch("compare", left.id, **{"with": str(right.id)}).text
    assert "Answer from the passages" in page
    one, other = (Span.objects.get(trace=trace, node_id="answer_it") for trace in (left, right))
    step = fetch("compared_step", left.id, one.id, right.id, other.id).text
    assert "<del>" in step
    found = Span.objects.get(trace=left, node_id="find")
    named = fetch("compared_step", left.id, found.id, left.id, found.id).text
    assert "query\n" in named
    assert "&quot;query&quot;:" not in named
    missing = fetch("compare", left.id, **{"with": str(uuid7())}).text
    assert "There is no trace" in missing


def test_the_traces_of_one_app_are_offered_for_a_comparison(fetch, record):
    app = uuid7()
    left, right = record(application_id=app), record(application_id=app, ago=30)
    assert f"?with={right.id}" in fetch("compare", left.id).text


def test_a_run_becomes_a_story_that_can_be_played(fetch, ran, tmp_path):
    response = fetch("story", ran.id)
    story = json.loads(response.content)
    assert (story["story"], story["document"]["app"]["name"]) == (1, "Echo")
    (tmp_path / "one.json").write_bytes(response.content)
    out = io.StringIO()
    call_command("replay_runs", "--stories", str(tmp_path), stdout=out)
    assert "1 played, 0 different, 0 skipped" in out.getvalue()


def test_the_file_of_a_story_bears_the_apps_name_in_any_script(fetch, team):
    services.import_document(text=CHAT.replace("Echo", "回声"), team_id=team.id)
    call_command("run_app", "回声", "--query", "?", "--team", "bees", stdout=io.StringIO())
    assert flush(10)
    response = fetch("story", Trace.objects.get().id)
    assert "filename*=utf-8''%E5%9B%9E%E5%A3%B0" in response["Content-Disposition"]


def test_a_trace_without_a_run_is_no_story(client, fetch, team):
    trace = elsewhere.odd_trace(team.id)
    response = client.get(reverse("admin:traces_trace_story", args=[trace.id]))
    assert (response.status_code, response.json()["code"]) == (409, "not_replayable")


def test_the_page_leads_to_the_playground_and_to_running_again(client, fetch, ran):
    page = fetch("change", ran.id).text
    assert f'href="/apps/echo/playground/?from={ran.run_id}"' in page
    reply = Span.objects.get(trace=ran, node_id="reply")
    pane = fetch("span", ran.id, reply.id).text
    address = f"/apps/echo/runs/{ran.run_id}/again/"
    assert f'data-again="{address}?node_id=reply&amp;index={reply.index}"' in pane
    form = client.get(address, {"node_id": "reply", "index": reply.index}).text
    assert '<input type="hidden" name="node_id" value="reply">' in form
    client.post(address, {"node_id": "reply", "frame": ""})
    assert Run.objects.get(forked_from=ran.run_id).forked_node == "reply"


@pytest.mark.parametrize("name", ["rows", "find", "graph", "log", "log_download", "story", "compare"])
def test_nothing_of_another_teams_trace_is_shown(client, operator, record, name):
    client.force_login(operator)
    theirs = record(team_id=uuid7())
    assert client.get(reverse(f"admin:traces_trace_{name}", args=[theirs.id])).status_code == 404
    mine = record()
    page = client.get(reverse("admin:traces_trace_compare", args=[mine.id]), {"with": str(theirs.id)}).text
    assert "There is no trace" in page
