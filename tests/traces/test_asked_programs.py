"""A program that a run asked sends its spans under the run's trace: they are part of it, whenever they come."""

import datetime as dt
from uuid import UUID

import pytest
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from apps.traces.admin.pages.skeleton import COLUMNS, ORPHAN, skeleton_of, tree_of
from apps.traces.models import ForeignTrace, PassedOver, Rollup, Span, Trace
from apps.traces.recorder import store
from apps.traces.recorder.fold import fold
from apps.traces.recorder.joining import join_others
from apps.traces.recorder.store import write
from apps.traces.recorder.usage import TokenUsage
from apps.traces.services.find_missing import rebuild_missing_traces
from apps.traces.services.recount import recount_days
from apps.traces.services.store_foreign import store_foreign
from apps.workflows import services
from apps.workflows.models import Run
from support.trace_context import span_of_run, span_of_step
from tests.traces import stories
from tests.traces.test_foreign import span
from tests.traces.test_real_runs import CHAT

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
CALL = {
    "kind": "llm",
    "model": "gpt-5-mini",
    "provider": "openai",
    "usage": TokenUsage(input=1_000, output=50, given={}),
}


@pytest.fixture
def run(team):
    """A run of the team that goes on."""
    app = services.import_document(text=CHAT, team_id=team.id)[0]
    return Run.objects.create(team=team, application=app, version=app.live, source="api", started_at=timezone.now())


def finish(run: Run) -> Trace | None:
    """Write the run's own trace."""
    story = stories.moved(stories.retrieval_chat(run_id=run.id, team_id=run.team_id), ago=60)
    write([fold(story.run, story.log)])
    return Trace.objects.filter(id=run.id).first()


def told(run_id: UUID, *, by: str = "") -> list:
    """What the program asked has to say: it served the request, and asked a model itself. `by` is the span that asked.

    Without one it is the run itself: the parent that programs were told before steps had keys that are known early.
    """
    root = int(by or span_of_run(run_id), 16)
    return [
        span(101, root, trace_id=run_id.hex, name="POST /quote", service="shop"),
        span(102, 101, trace_id=run_id.hex, at=0.1, took=0.5, **CALL),
        span(103, 102, trace_id=run_id.hex, at=0.2, took=0.1, status="error", error_message="no such parcel"),
    ]


def sums(team: Team) -> dict:
    rows = Rollup.objects.filter(team_id=team.id, grain="day")
    totals = rows.values("dimension", "name").annotate(n=Sum("count"), tokens=Sum("input_tokens"), spans=Sum("spans"))
    return {(row["dimension"], row["name"]): (row["n"], row["tokens"], row["spans"]) for row in totals}


def facts(trace: Trace) -> dict:
    names = ("status", "span_count", "error_count", "input_tokens", "total_tokens", "cost", "models_used", "name")
    return {name: getattr(Trace.objects.get(id=trace.id), name) for name in names}


def test_what_comes_after_the_runs_own_trace_is_added_to_it_once(run, team):
    trace = finish(run)
    before = facts(trace)
    assert store_foreign(team.id, told(run.id)).new == 3
    assert store_foreign(team.id, told(run.id)).new == 0
    assert Trace.objects.get().id == run.id
    after = facts(trace)
    assert after["span_count"] == before["span_count"] + 3 == Span.objects.filter(trace_id=run.id).count()
    assert after["error_count"] == before["error_count"] + 1
    assert after["input_tokens"] == before["input_tokens"] + 1_000
    assert after["cost"] > before["cost"]
    assert after["models_used"] == [*before["models_used"], "gpt-5-mini"]
    assert (after["status"], after["name"]) == (before["status"], before["name"])
    assert sums(team)["model", "gpt-5-mini"][:2] == (1, 1_000)
    assert sums(team)["app", ""] == (1, after["input_tokens"], after["span_count"])


def test_what_run_and_program_wrote_in_the_same_moment_is_counted_later(run, team, monkeypatch):
    monkeypatch.setattr(store, "join_others", lambda _ids: None)
    store_foreign(team.id, told(run.id))
    before = facts(finish(run))
    assert rebuild_missing_traces() == 0
    trace = Trace.objects.get(id=run.id)
    assert (before["span_count"] + 3, before["error_count"] + 1) == (trace.span_count, trace.error_count)
    rebuild_missing_traces()
    assert Trace.objects.get(id=run.id).span_count == trace.span_count


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_the_order_in_which_run_and_program_tell_makes_no_difference(run, team, cut):
    spans = told(run.id)
    for each in spans[:cut]:
        store_foreign(team.id, [each])
    assert not Trace.objects.exists()
    trace = finish(run)
    store_foreign(team.id, spans)
    early, early_sums = facts(trace), sums(team)
    assert not ForeignTrace.objects.filter(is_counted=False).exists()
    other = Team.objects.create(slug="wasps", name="Wasps")
    late = Run.objects.create(
        team=other, application=run.application, version=run.version, source="api", started_at=timezone.now()
    )
    trace = finish(late)
    store_foreign(other.id, told(late.id))
    assert facts(trace) == early
    assert sums(other) == early_sums


def test_days_that_are_counted_anew_leave_what_waits_for_its_run_to_be_counted_with_that(run, team):
    embedding = {"kind": "embedding", "model": "text-embedding-3-small", "usage": TokenUsage(input=7, given={})}
    spans = [*told(run.id), span(104, 101, trace_id=run.id.hex, **embedding)]
    days = sorted({dt.datetime.fromtimestamp(each.started_ns / 1e9, dt.UTC).date() for each in spans})
    store_foreign(team.id, spans)
    recount_days(days[0], days[-1] + dt.timedelta(days=1))
    assert ("model", "text-embedding-3-small") not in sums(team)
    finish(run)
    assert sums(team)["model", "text-embedding-3-small"][:2] == (1, 7)
    recount_days(days[0], days[-1] + dt.timedelta(days=1))
    assert sums(team)["model", "text-embedding-3-small"][:2] == (1, 7)
    assert sums(team)["model", "gpt-5-mini"][:2] == (1, 1_000)


def test_another_teams_program_stays_outside(run, team):
    finish(run)
    other = Team.objects.create(slug="wasps", name="Wasps")
    store_foreign(other.id, told(run.id))
    assert set(Span.objects.filter(trace_id=run.id).values_list("team_id", flat=True)) == {team.id}
    assert Trace.objects.get(team_id=other.id).source == "otlp"


def test_a_trace_that_is_made_again_keeps_what_others_told(run, team):
    trace = finish(run)
    store_foreign(team.id, told(run.id))
    before, sums_before = facts(trace), sums(team)
    story = stories.moved(stories.retrieval_chat(run_id=run.id, team_id=team.id), ago=60)
    write([fold(story.run, story.log)], replace=True)
    assert facts(trace) == before
    assert sums(team) == sums_before


def test_a_call_that_a_gateway_tells_of_too_is_counted_once(run, team):
    trace = finish(run)
    before = facts(trace)
    own = Span.objects.get(trace_id=run.id, node_type="llm")
    usage = TokenUsage(input=own.input_tokens, output=own.output_tokens, given={})
    same = span(201, int(own.key, 16), trace_id=run.id.hex, **{**CALL, "usage": usage})
    store_foreign(team.id, [same])
    after = facts(trace)
    assert (after["input_tokens"], after["cost"]) == (before["input_tokens"], before["cost"])
    assert after["span_count"] == before["span_count"] + 1


def test_of_a_run_that_is_not_kept_nothing_else_is(run, team):
    store_foreign(team.id, told(run.id))
    PassedOver.objects.create(trace_id=run.id, team_id=team.id)
    join_others([run.id])
    assert not Span.objects.filter(trace_id=run.id).exists()


@pytest.mark.parametrize("is_early", [True, False])
def test_what_a_step_asked_stands_below_that_step(run, team, is_early):
    spans = told(run.id, by=span_of_step(run.id, "", "find"))
    if is_early:
        store_foreign(team.id, spans)
    trace = finish(run)
    store_foreign(team.id, spans)
    step = Span.objects.get(trace=trace, node_id="find")
    assert Span.objects.get(trace=trace, name="POST /quote").parent_key == step.key
    page = skeleton_of(trace, tree_of(trace, limit=100))
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in page["rows"]]
    names = [page["texts"][row["name"]] for row in rows]
    asked = rows[names.index("POST /quote")]
    assert rows[asked["parent"]]["id"] == str(step.id)
    assert not asked["flags"] & ORPHAN


def test_the_page_of_the_run_shows_them_below_it_where_they_began(client, operator, run, team):
    trace = finish(run)
    store_foreign(team.id, told(run.id))
    client.force_login(operator)
    answer = client.get(reverse("admin:traces_trace_change", args=[trace.id]))
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "POST /quote" in page
