"""Spans from elsewhere: in whatever order and however often they come, their trace ends up the same."""

import datetime as dt
import itertools
import random
import threading
from decimal import Decimal

import pytest
from django.db import connections
from django.db.models import Q, Sum
from django.test.utils import CaptureQueriesContext

from apps.traces.models import AgentThought, ForeignTrace, Rollup, Span, SpanPayload, Trace
from apps.traces.recorder import store
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.usage import TokenUsage
from apps.traces.selectors import rollups
from apps.traces.selectors.search import search_spans, search_traces
from apps.traces.services import store_foreign as store_foreign_module
from apps.traces.services.recount import recount_days
from apps.traces.services.store_foreign import store_foreign
from support.ids import uuid7

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
TEAM = uuid7()
START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


def span(key: int, parent: int | None = None, *, at: float = 0, took: float | None = 1, **facts) -> ForeignSpan:
    """A span that begins and ends so many seconds after the start."""
    started = START + round(at * SECOND)
    facts = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "name": f"step {key}", "kind": "chain", **facts}
    return ForeignSpan(
        key=f"{key:016x}",
        parent_key="" if parent is None else f"{parent:016x}",
        started_ns=started,
        ended_ns=None if took is None else started + round(took * SECOND),
        **facts,
    )


def conversation() -> list[ForeignSpan]:
    """An agent that asks a model, calls a tool that fails, and asks again."""
    usage = TokenUsage(input=1_000, output=50, cache_read=600, given={"prompt_tokens": 1_000})
    call = {"kind": "llm", "model": "gpt-5-mini", "provider": "openai", "usage": usage}
    return [
        span(1, took=9, name="assistant", kind="agent", service="shop", inputs="Where is my honey?", end_user="mei"),
        span(2, 1, at=0.5, took=2, **call, outputs={"text": "", "tool_calls": [{"name": "track_parcel"}]}),
        span(3, 1, at=3, took=1, kind="tool", status="error", error_message="no such parcel: 蜂蜜罐子"),
        span(4, 1, at=5, took=3, **call, outputs={"text": "It is on its way."}, first_text_ns=START + 6 * SECOND),
    ]


def facts_of(trace: Trace) -> dict:
    left = {"id", "updated_at"}
    return {
        field.attname: getattr(trace, field.attname)
        for field in Trace._meta.concrete_fields
        if field.attname not in left
    }


def test_a_trace_is_what_its_root_says_and_the_sum_of_its_calls():
    stored = store_foreign(TEAM, conversation())
    assert (stored.new, stored.repeated) == (4, 0)
    trace = Trace.objects.get(team_id=TEAM)
    assert (trace.name, trace.application_name, trace.end_user, trace.source) == ("assistant", "shop", "mei", "otlp")
    assert (trace.status, trace.error_count, trace.span_count) == ("partial-succeeded", 1, 4)
    assert (trace.duration_us, trace.first_text_us) == (9_000_000, 6_000_000)
    assert (trace.input_tokens, trace.output_tokens, trace.cached_tokens) == (2_000, 100, 1_200)
    assert (trace.models_used, trace.unpriced_calls, trace.cost) == (["gpt-5-mini"], 0, Decimal("0.00043"))
    assert trace.input_preview == "Where is my honey?"
    assert trace.external_id == "0af7651916cd43dd8448eb211c80319c"
    spans = Span.objects.filter(trace=trace).order_by("started_at")
    assert [row.key for row in spans] == [f"{number:016x}" for number in (1, 2, 3, 4)]
    assert {row.end_user for row in spans} == {"mei"}
    assert SpanPayload.objects.get(span=spans[1]).usage == {"prompt_tokens": 1_000}
    first, second = AgentThought.objects.filter(trace=trace).order_by("started_at")
    assert (first.tool, second.thought, second.cached_tokens) == ("track_parcel", "It is on its way.", 600)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_the_order_in_which_spans_come_makes_no_difference(order):
    spans = conversation()
    store_foreign(TEAM, spans)
    expected = facts_of(Trace.objects.get(team_id=TEAM))
    other = uuid7()
    for place in order:
        store_foreign(other, [spans[place]])
    found = facts_of(Trace.objects.get(team_id=other))
    assert found == {**expected, "team_id": other}
    assert _sums(other) == _sums(TEAM)


@pytest.mark.parametrize(
    ("inputs", "known_by"),
    [
        ({"args": [7], "kwargs": {}}, ""),
        ({"args": [7, "Where is my honey?"], "kwargs": {"limit": 3}}, "Where is my honey?"),
        ({"args": [], "kwargs": {"limit": 3, "question": "Where is my honey?"}}, "Where is my honey?"),
        (
            {"args": [[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is my honey?"}]]},
            "Where is my honey?",
        ),
        ({"question": "Where is my honey?"}, "Where is my honey?"),
        ("Where is my honey?", "Where is my honey?"),
    ],
)
def test_a_trace_of_a_decorated_function_is_known_by_words_or_by_its_name(inputs, known_by):
    store_foreign(TEAM, [span(1, took=2, name="answer_mail", inputs=inputs)])
    trace = Trace.objects.get(team_id=TEAM)
    assert (trace.input_preview, trace.name) == (known_by, "answer_mail")
    assert trace.input["inputs"] == inputs


def test_what_is_sent_again_changes_nothing():
    spans = conversation()
    store_foreign(TEAM, spans[:3])
    stored = store_foreign(TEAM, [*spans, spans[0]])
    assert (stored.new, stored.repeated) == (1, 4)
    before = facts_of(Trace.objects.get(team_id=TEAM)), _sums(TEAM)
    assert store_foreign(TEAM, spans).new == 0
    assert (facts_of(Trace.objects.get(team_id=TEAM)), _sums(TEAM)) == before
    assert Span.objects.filter(team_id=TEAM).count() == 4


def test_a_span_that_had_not_ended_gives_way_to_itself_when_it_ends():
    store_foreign(TEAM, [span(1, took=None, inputs="Hello?")])
    trace = Trace.objects.get(team_id=TEAM)
    assert (trace.status, Span.objects.get(trace=trace).status) == ("incomplete", "stopped")
    assert store_foreign(TEAM, [span(1, took=4, inputs="Hello?", outputs="Good day.")]).new == 1
    trace = Trace.objects.get(team_id=TEAM)
    assert (trace.status, trace.duration_us, trace.span_count) == ("succeeded", 4_000_000, 1)
    assert SpanPayload.objects.get(span__trace=trace).outputs == "Good day."
    assert _sums(TEAM)["app"][:2] == (1, 0)


def test_a_trace_without_its_root_is_shown_by_what_there_is():
    store_foreign(TEAM, [span(7, 3, at=2, name="late"), span(6, 3, at=1, name="early")])
    trace = Trace.objects.get(team_id=TEAM)
    assert (trace.name, trace.root_key, trace.status) == ("early", "", "succeeded")


def test_the_same_id_in_two_teams_is_two_traces():
    other = uuid7()
    store_foreign(TEAM, conversation())
    store_foreign(other, conversation())
    assert Trace.objects.count() == ForeignTrace.objects.count() == 2
    assert Trace.objects.filter(team_id=other).get().span_count == 4


def test_times_and_sizes_that_nobody_means_are_kept_within_bounds():
    odd = [
        span(1, kind="llm", model="m", usage=TokenUsage(input=-5, output=10**30)),
        ForeignSpan(trace_id="f" * 32, key="a" * 16, name="x" * 9_999, kind="other", started_ns=0, ended_ns=10**30),
        span(2, 1, name="nul \x00 \ud800", inputs={"deep": "\x00" * 10}, tags=["t" * 999] * 70),
    ]
    assert store_foreign(TEAM, odd).new == 3
    assert Trace.objects.filter(team_id=TEAM).count() == 2


def test_words_find_the_span_and_its_trace_in_chinese_too():
    store_foreign(TEAM, conversation())
    spans, traces = Span.objects.filter(team_id=TEAM), Trace.objects.filter(team_id=TEAM)
    for text, name in (
        ("honey", "assistant"),
        ("蜂蜜", "step 3"),
        ("罐子 PARCEL", "step 3"),
        ("on its way", "step 4"),
    ):
        assert search_spans(spans, text).rows.get().name == name
        assert search_traces(traces, text, spans=spans).rows.count() == 1
    for text in ("wasps", "罐头", "honey wasps"):
        assert not search_spans(spans, text).rows.exists()
        assert not search_traces(traces, text, spans=spans).rows.exists()
    for text in ("", " ", "'", "& | !", "\\", "honey:*"):
        assert search_spans(spans, text).rows.count() <= 1


@pytest.mark.parametrize("few", [0, 2, 1_000])
def test_words_that_many_spans_hold_are_found_as_well_as_rare_ones(few):
    spans, traces = Span.objects.filter(team_id=TEAM), Trace.objects.filter(team_id=TEAM)
    for tree in range(4):
        store_foreign(TEAM, [span(1, trace_id=f"{tree + 1:032x}", inputs="honey", end_user=f"user{tree}")])
    assert search_spans(spans, "honey", few=few).rows.count() == 4
    assert search_traces(traces, "honey", spans=spans, few=few).rows.count() == 4
    assert (
        search_traces(traces, "user3", spans=spans, or_else=Q(end_user="user3"), few=few).rows.get().end_user == "user3"
    )
    assert search_traces(traces, "honey", spans=spans, or_else=Q(end_user="user3"), few=few).rows.count() == 4
    assert not search_traces(traces, "the", spans=spans, few=few).rows.exists()


def test_a_batch_costs_a_few_statements_however_large_it_is():
    batches = [
        [span(key, 1, trace_id=f"{key % trees:032x}") for key in range(2, 2 + size)]
        for size, trees in ((3, 1), (300, 40))
    ]
    counts = []
    for batch in batches:
        with CaptureQueriesContext(connections["traces"]) as caught:
            store_foreign(TEAM, batch)
        counts.append(len([query for query in caught if "SAVEPOINT" not in query["sql"]]))
    assert counts[0] == counts[1] <= 6


@pytest.mark.django_db(databases=["default", "traces"], transaction=True)
def test_two_who_send_parts_of_the_same_traces_at_once_lose_nothing():
    spans = [span(key, 1, at=key / 100, trace_id=f"{tree:032x}") for key in range(2, 32) for tree in range(1, 9)]
    chance = random.Random(3)
    chance.shuffle(spans)
    failures: list[Exception] = []

    def send(part: int) -> None:
        try:
            for start in range(part * 20, len(spans), 80):
                store_foreign(TEAM, spans[start : start + 20])
        except Exception as exc:  # noqa: BLE001 - any of them fails the test
            failures.append(exc)
        finally:
            connections["traces"].close()
            connections["default"].close()

    threads = [threading.Thread(target=send, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert sorted(Trace.objects.values_list("span_count", flat=True)) == [30] * 8
    assert Span.objects.count() == len(spans)
    assert _sums(TEAM)["app"][:2] == (8, 0)


def _sums(team) -> dict:
    where = {"team_id": team, "grain": "day"}
    found: dict = {}
    for row in Rollup.objects.filter(**where).exclude(count=0).order_by("dimension"):
        histogram = rollups.Histogram(list(row.durations))
        found[row.dimension] = (
            row.count,
            row.errors,
            row.spans,
            row.input_tokens,
            row.duration_us,
            histogram.quantile(0.5),
        )
    return found


def test_days_that_are_counted_anew_count_embeddings_and_what_went_on_after_midnight_as_before():
    embedding = {"kind": "embedding", "model": "text-embedding-3-small", "usage": TokenUsage(input=7, given={})}
    long_after = 12 * 3600
    late = [
        span(5, 1, at=8.2, took=0.1, **embedding),
        span(6, 1, at=long_after, took=0.2, **embedding),
        span(7, 1, at=long_after + 1, **{**embedding, "kind": "llm", "model": "gpt-5-mini"}),
    ]
    store_foreign(TEAM, [*conversation(), *late])
    store_foreign(TEAM, wrapped_call())
    before = _counted()
    assert sum(row[4] for row in before if row[2] == "text-embedding-3-small" and row[0] == "day") == 2
    days = sorted({row[3].date() for row in before})
    assert len(days) == 2
    assert recount_days(days[0], days[-1] + dt.timedelta(days=1)) == Trace.objects.count() == 1
    assert _counted() == before


def _counted() -> list:
    names = ("grain", "dimension", "name", "at", "count", "errors", "input_tokens", "cost", "duration_us", "durations")
    return sorted(Rollup.objects.exclude(count=0).values_list(*names), key=str)


def test_ends_that_nobody_means_do_not_close_the_sums_to_everybody_else():
    for number in range(60):
        store_foreign(TEAM, [span(1, trace_id=f"{number + 1:032x}", took=200_000_000_000)])
    store_foreign(TEAM, [span(1, trace_id="f" * 32)])
    assert Trace.objects.filter(team_id=TEAM).count() == 61
    counted = Rollup.objects.get(team_id=TEAM, dimension="app", grain="day")
    assert counted.count == 61
    assert 0 < counted.duration_us < 2**62


def test_costs_that_nobody_means_do_not_close_a_trace_or_the_sums():
    dear = {"kind": "llm", "model": "m", "usage": TokenUsage(input=1), "costs": {"total": "999999999"}}
    for number in range(30):
        store_foreign(TEAM, [span(key, 1000, trace_id=f"{number + 1:032x}", **dear) for key in range(1, 40)])
    assert Span.objects.filter(team_id=TEAM).count() == 30 * 39
    one = Trace.objects.filter(team_id=TEAM).first()
    assert one is not None
    for number in range(2):
        Trace.objects.filter(id=one.id).update(cost="9999999000")
        store_foreign(TEAM, [span(100 + number, 1000, trace_id=one.external_id, **dear)])
    assert Trace.objects.get(id=one.id).cost == Decimal(10**10 - 1)


def wrapped_call() -> list[ForeignSpan]:
    """A framework's call of a model around the client's own, and one more call beside it; both tell their tokens."""
    usage = TokenUsage(input=1_000, output=50, cache_read=600, given={"prompt_tokens": 1_000})
    call = {"kind": "llm", "model": "gpt-5-mini", "provider": "openai", "usage": usage}
    other = {**call, "usage": TokenUsage(input=7, output=3)}
    return [
        span(1, took=9, name="assistant", kind="agent"),
        span(2, 1, at=1, took=4, name="framework", **call),
        span(3, 2, at=1.1, took=3, name="between"),
        span(4, 3, at=1.2, took=2, name="client", **call),
        span(5, 1, at=6, took=1, name="another", **other),
    ]


def sums_of(trace: Trace) -> tuple[object, ...]:
    names = ("count", "input_tokens", "unpriced_calls", "cost")
    days = {
        dimension: Rollup.objects.filter(team_id=TEAM, dimension=dimension, grain="day").aggregate(
            **{name: Sum(name) for name in names}
        )
        for dimension in ("model", "app")
    }
    return (
        (trace.input_tokens, trace.output_tokens, trace.cached_tokens, trace.total_tokens),
        (trace.unpriced_calls, trace.span_count),
        [tuple(days[dimension][name] for name in names[:3]) for dimension in days],
        days["model"]["cost"] == days["app"]["cost"] == trace.cost,
        AgentThought.objects.filter(trace=trace).count(),
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::7])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_call_that_two_spans_tell_of_is_counted_once_in_whatever_order_they_come(order, size):
    spans = [wrapped_call()[place] for place in order]
    for start in range(0, 5, size):
        store_foreign(TEAM, spans[start : start + size])
    store_foreign(TEAM, spans)
    trace = Trace.objects.get(team_id=TEAM)
    assert sums_of(trace) == ((1_007, 53, 600, 1_060), (0, 5), [(2, 1_007, 0), (1, 1_007, 0)], True, 2)
    assert trace.cost == sum(each.cost for each in Span.objects.filter(trace=trace) if each.cost is not None)
    outer = Span.objects.get(trace=trace, name="framework")
    assert (outer.input_tokens, outer.cost, outer.model) == (0, None, "gpt-5-mini")
    assert SpanPayload.objects.get(span=outer).usage == {"prompt_tokens": 1_000}, "what was sent stays to be seen"


def test_a_span_that_sums_up_several_calls_counts_nothing_and_one_inside_with_other_counts_is_another():
    call = {"kind": "llm", "model": "nobody-knows-it"}
    two = [span(key, 1, at=key, usage=TokenUsage(input=10, output=key), **call) for key in (2, 3)]
    store_foreign(TEAM, [span(1, took=9, kind="other", usage=TokenUsage(input=20, output=5)), two[0]])
    store_foreign(TEAM, [two[1]])
    trace = Trace.objects.get(team_id=TEAM)
    assert (trace.input_tokens, trace.output_tokens, trace.unpriced_calls) == (20, 5, 2)
    inner = span(4, 2, at=2.5, took=0.1, usage=TokenUsage(input=4, output=1), **call)
    store_foreign(TEAM, [inner])
    trace.refresh_from_db()
    assert (trace.input_tokens, trace.unpriced_calls) == (24, 3)


@pytest.mark.django_db(databases=["default", "traces"], transaction=True)
def test_a_trace_that_is_deleted_while_its_spans_arrive_leaves_nothing_of_itself(monkeypatch):
    store_foreign(TEAM, [span(1, took=9)])
    trace = Trace.objects.get(team_id=TEAM)
    deleted = threading.Event()

    def delete_it() -> None:
        try:
            store.delete([trace.id])
        finally:
            deleted.set()
            connections["traces"].close()

    deleting = threading.Thread(target=delete_it)
    grow = store_foreign_module._grow

    def grow_late(*given: object) -> None:
        deleting.start()
        deleted.wait(1)  # it may not get past those who write; where it does, this is the moment
        grow(*given)

    monkeypatch.setattr(store_foreign_module, "_grow", grow_late)
    store_foreign(TEAM, [span(2, 1, inputs="my secret diary")])
    deleting.join(30)
    left = [model.objects.count() for model in (Trace, Span, SpanPayload, ForeignTrace)]
    assert left == [0, 0, 0, 0]
