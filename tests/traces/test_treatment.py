"""What becomes of a finished run before it is written: secrets go, and of many runs a sample stays."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import UUID

import pytest

from apps.traces.masking.masker import Masker
from apps.traces.models import AgentThought, KeptTrace, PassedOver, Rollup, Span, SpanPayload, Trace, TracePolicy
from apps.traces.recorder.fold import fold
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.store import write
from apps.traces.recorder.usage import TokenUsage
from apps.traces.selectors.policies import Policy, forget_policies, policies_of
from apps.traces.services import keeping
from apps.traces.services.store_foreign import store_foreign
from apps.traces.tasks import keep_reviewed_trace
from model_runtime.price_list import listed_by_id
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
KEY = "sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2"


@pytest.fixture(autouse=True)
def _fresh_policies():
    forget_policies()
    yield
    forget_policies()


def everything_of(trace: Trace) -> str:
    """All that the tables hold of a trace."""
    rows = [
        *Trace.objects.filter(id=trace.id).values(),
        *Span.objects.filter(trace=trace).values(),
        *SpanPayload.objects.filter(span__trace=trace).values(),
        *AgentThought.objects.filter(trace=trace).values(),
    ]
    return json.dumps(rows, default=str, ensure_ascii=False)


def test_a_secret_reaches_no_column(record):
    trace = record(query=f"My key is {KEY}, my mail ada@example.com")
    held = everything_of(trace)
    assert KEY not in held
    assert "a1b2c3d4e5f6g7h8i9j0k1l2" not in held.lower()
    assert "[masked:api key]" in trace.input_preview
    assert "ada@example.com" in held


def test_personal_data_goes_where_the_team_says_so(record, team):
    TracePolicy.objects.create(
        team_id=team.id, personal=["email"], own_rules=[{"name": "badge", "pattern": r"badge \d+"}]
    )
    held = everything_of(record(query="I am ada@example.com with badge 4711, call 13800138000"))
    assert "ada@example.com" not in held
    assert "badge 4711" not in held
    assert "13800138000" in held


def test_an_app_may_want_more_taken_out_than_its_team(record, team):
    run = stories.run_info({})
    TracePolicy.objects.create(team_id=team.id, personal=["email"])
    TracePolicy.objects.create(team_id=team.id, application_id=run.application_id, personal=["phone"])
    held = everything_of(record(query="ada@example.com 13800138000", application_id=run.application_id))
    assert "ada@example.com" not in held
    assert "13800138000" not in held


def test_a_key_that_the_preview_cuts_in_two_leaves_no_half_behind(record):
    trace = record(query="x" * 190 + " " + KEY)
    assert "sk-pro" not in everything_of(trace)


def test_runs_outside_the_sample_are_counted_and_not_kept(record, team):
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    story = stories.retrieval_chat(team_id=team.id)
    for _again in range(2):
        assert write([fold(story.run, story.log)]) == 0
    assert not Trace.objects.filter(id=story.run.run_id).exists()
    assert not Span.objects.filter(trace_id=story.run.run_id).exists()
    assert PassedOver.objects.filter(trace_id=story.run.run_id).count() == 1
    assert [row.count for row in Rollup.objects.filter(team_id=team.id, dimension="app", grain="hour")] == [1]
    assert [row.count for row in Rollup.objects.filter(team_id=team.id, dimension="model", grain="hour")] == [1]


def test_a_run_that_failed_is_kept_whatever_the_sample(record, team):
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    assert record(stories.broken_stream).status == "failed"


def test_a_run_that_was_reviewed_is_kept_whatever_the_sample(record, team):
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    story = stories.retrieval_chat(team_id=team.id)
    KeptTrace.objects.create(trace_id=story.run.run_id, team_id=team.id, reason="feedback")
    assert write([fold(story.run, story.log)]) == 1


def test_a_run_that_was_passed_over_is_counted_once_when_it_is_wanted_after_all(team):
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    story = stories.retrieval_chat(team_id=team.id)
    write([fold(story.run, story.log)])
    assert write([fold(story.run, story.log)], sampled=False) == 1
    assert Trace.objects.filter(id=story.run.run_id).exists()
    assert not PassedOver.objects.exists()
    for dimension in ("app", "model"):
        assert [row.count for row in Rollup.objects.filter(team_id=team.id, dimension=dimension, grain="hour")] == [1]


def test_an_app_has_a_sample_of_its_own(record, team):
    run = stories.run_info({})
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    TracePolicy.objects.create(team_id=team.id, application_id=run.application_id, sample_percent=100)
    assert record(application_id=run.application_id).status == "succeeded"


def test_a_sample_has_about_the_size_that_was_asked_for_and_is_the_same_each_time():
    policy = Policy(masker=Masker(), sample_percent=25)
    names = [str(UUID(int=number)) for number in range(4_000)]
    kept = [name for name in names if policy.samples(name)]
    assert 900 < len(kept) < 1_100
    assert kept == [name for name in names if policy.samples(name)]


def test_policies_of_one_team_say_nothing_about_another(team):
    TracePolicy.objects.create(team_id=UUID(int=7), sample_percent=0, retention_days=3)
    general = policies_of(team.id).general
    assert general.samples("anything")
    assert general.retention_days is None


def test_a_rule_that_cannot_be_read_does_not_stop_the_others(record, team):
    TracePolicy.objects.create(
        team_id=team.id, personal=["email"], own_rules=[{"name": "bad", "pattern": "("}, {"name": "x", "pattern": "yy"}]
    )
    held = everything_of(record(query="ada@example.com yy"))
    assert "ada@example.com" not in held
    assert "[masked:x]" in held


def test_spans_from_elsewhere_are_masked_and_priced_before_they_are_written(team):
    sent = foreign(
        model="claude-sonnet-4-5",
        usage=TokenUsage(input=2_000, output=100, cache_read=1_500, cache_write=200),
        inputs={"messages": [{"role": "user", "content": f"Use {KEY}"}]},
        attributes={"http.request.header.authorization": "Bearer a1B2c3D4e5F6g7H8i9J0", "kept": "yes"},
        events=[{"name": "log", "at_us": 1, "attributes": {"password": "hunter2"}}],
    )
    store_foreign(team.id, [sent])
    trace = Trace.objects.get(team_id=team.id)
    span = Span.objects.get(trace=trace)
    held = everything_of(trace)
    assert KEY not in held
    assert "a1B2c3" not in held
    assert "hunter2" not in held
    assert SpanPayload.objects.get(span=span).attributes["kept"] == "yes"
    cost = Decimal(300 * 3 + 1_500 * Decimal("0.3") + 200 * Decimal("3.75") + 100 * 15) / 1_000_000
    assert trace.cost == span.cost == cost
    assert listed_by_id()[span.price_id].model == "claude-sonnet-4-5"


def test_what_a_sender_reckoned_is_the_cost_and_its_total_is_not_added_to_its_parts(team):
    told = {"input": "0.1", "output": "0.2", "total": "0.3"}
    store_foreign(team.id, [foreign(model="gpt-4o", usage=TokenUsage(input=9), costs=told)])
    assert Trace.objects.get(team_id=team.id).cost == Decimal("0.3")


def test_a_value_too_deep_to_look_into_is_masked_as_it_is_kept(team):
    deep: object = {"password": "hunter2"}
    for _level in range(2_000):
        deep = [deep]
    store_foreign(team.id, [foreign(inputs={"deep": deep, "key": KEY})])
    held = everything_of(Trace.objects.get(team_id=team.id))
    assert KEY not in held


def test_traces_from_elsewhere_outside_the_sample_are_counted_only_and_errors_bring_theirs_back(team):
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    well = foreign(trace_id="a" * 32, model="gpt-4o", usage=TokenUsage(input=10, output=1))
    assert store_foreign(team.id, [well]).new == 1
    assert not Trace.objects.filter(team_id=team.id).exists()
    assert [row.count for row in Rollup.objects.filter(team_id=team.id, dimension="app", grain="hour")] == [1]
    assert [row.count for row in Rollup.objects.filter(team_id=team.id, dimension="model", grain="hour")] == [1]
    store_foreign(team.id, [foreign(trace_id="b" * 32, status="error", error_code="x")])
    store_foreign(team.id, [foreign(trace_id="b" * 32, key="2" * 16, parent_key="1" * 16)])
    assert Trace.objects.get(team_id=team.id).span_count == 2


def foreign(**changes):
    """A span that a program elsewhere sent."""
    values = {
        "trace_id": "c" * 32,
        "key": "1" * 16,
        "name": "chat",
        "kind": "llm",
        "service": "shop",
        "started_ns": 1_760_000_000_000_000_000,
        "ended_ns": 1_760_000_001_000_000_000,
    }
    return ForeignSpan(**{**values, **changes})


def test_a_review_brings_back_the_trace_of_a_run_that_was_passed_over(team, monkeypatch):
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    story = stories.retrieval_chat(team_id=team.id)
    record = fold(story.run, story.log)
    write([record])
    # The log of the run is the engine's; what a rebuild makes of it is tested with real runs.
    monkeypatch.setattr(keeping, "rebuild_trace", lambda run_id, *, replace, sampled: write([record], sampled=sampled))
    assert keep_reviewed_trace(str(story.run.run_id), str(team.id), "feedback")
    assert KeptTrace.objects.get(trace_id=story.run.run_id).reason == "feedback"
    assert Trace.objects.filter(id=story.run.run_id).exists()
