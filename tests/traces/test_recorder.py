"""The recorder: it writes every run's trace, and nothing that happens to it reaches the run."""

import logging
import os
import threading
import time
from dataclasses import fields
from decimal import Decimal

import pytest
from django.db import OperationalError, connections

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from apps.traces.recorder import counters, store
from apps.traces.recorder import record as records
from apps.traces.recorder.costs import priced
from apps.traces.recorder.fold import fold
from apps.traces.recorder.observer import TraceObserver, observe
from apps.traces.recorder.outgoing import sending_teams
from apps.traces.recorder.words import worded
from apps.traces.recorder.writer import Job, TraceWriter
from apps.traces.selectors.policies import policies_of
from apps.workflows import hooks
from apps.workflows.engine.events import RunStarted
from model_runtime.price_book import PriceBook
from support.ids import uuid7
from tests.traces import stories

written_for_real = pytest.mark.django_db(databases=["default", "traces"], transaction=True)


def play(story: stories.Story, writer: TraceWriter) -> None:
    """Show a told run to an observer, as the runner does."""
    observers = [TraceObserver(story.run, to=writer)]
    for seq, event in story.log:
        hooks.notify(observers, seq, event)
    assert observers, "the observer was dropped"


def job(story: stories.Story) -> Job:
    return Job(run_id=story.run.run_id, make=lambda: fold(story.run, story.log))


def test_every_run_is_watched():
    assert observe in hooks._observers
    assert isinstance(observe(stories.run_info({})), TraceObserver)


@written_for_real
def test_a_run_that_was_watched_is_in_the_tables_as_it_was_folded():
    writer = TraceWriter()
    told = [stories.retrieval_chat(), stories.broken_stream(), stories.stopped_run(), stories.branching_run()]
    for story in told:
        play(story, writer)
    assert writer.flush(10)
    for story in told:
        expected = worded(priced(fold(story.run, story.log), PriceBook()))
        _same(Trace.objects.get(id=story.run.run_id), expected.trace)
        spans = Span.objects.filter(trace_id=story.run.run_id).select_related("payload").order_by("position")
        for row, span in zip(spans, expected.spans, strict=True):
            _same(row, span)
        payloads = {payload.span_id: payload for payload in expected.payloads}
        for row in SpanPayload.objects.filter(span__trace_id=story.run.run_id):
            _same(row, payloads.pop(row.span_id))
        assert not payloads
        for row, thought in zip(
            AgentThought.objects.filter(trace_id=story.run.run_id).order_by("position"), expected.thoughts, strict=True
        ):
            _same(row, thought)
    assert writer.counts.written == 4


def test_a_record_has_a_field_for_each_column_of_its_table():
    for model, record in (
        (Trace, records.TraceRow),
        (Span, records.RecordedSpan),
        (SpanPayload, records.RecordedPayload),
        (AgentThought, records.RecordedThought),
    ):
        assert {field.name for field in fields(record)} == {field.attname for field in model._meta.concrete_fields}


@written_for_real
def test_hostile_values_are_stored_as_they_are():
    story = stories.hostile_chat()
    store.write([fold(story.run, story.log)])
    trace = Trace.objects.get(id=story.run.run_id)
    assert trace.input["query"] == stories.ATTACK
    assert Span.objects.get(trace=trace, node_id="say").error_message == stories.ATTACK


@written_for_real
def test_writing_a_trace_twice_writes_it_once():
    record = fold(*_told(stories.retrieval_chat()))
    assert store.write([record]) == 1
    assert store.write([record]) == 0
    assert Span.objects.filter(trace_id=record.trace.id).count() == len(record.spans)


@written_for_real
def test_replacing_a_trace_leaves_one_whole_trace():
    story = stories.retrieval_chat()
    store.write([fold(story.run, story.log[:5])])
    store.write([fold(story.run, story.log)], replace=True)
    assert Trace.objects.get(id=story.run.run_id).status == "succeeded"
    assert Span.objects.filter(trace_id=story.run.run_id, status="ok").count() == 6
    assert AgentThought.objects.filter(trace_id=story.run.run_id).count() == 1


@written_for_real
def test_a_batch_of_traces_costs_one_statement(monkeypatch):
    statements = []
    team_id = uuid7()
    sending_teams.now()
    policies_of(team_id)  # read once in a while
    with connections["traces"].execute_wrapper(
        lambda execute, sql, params, many, context: statements.append(sql) or execute(sql, params, many, context)
    ):
        store.write([fold(*_told(stories.retrieval_chat(team_id=team_id))) for _ in range(20)])
    assert len(statements) == 1
    assert SpanPayload.objects.count() == 20 * 6


@written_for_real
def test_a_database_that_is_away_is_tried_again_until_it_is_back(caplog):
    failures = [OperationalError("the server is away"), OperationalError("still away")]

    def flaky(batch):
        if failures:
            raise failures.pop(0)
        return store.write(batch)

    writer = TraceWriter(store=flaky, first_pause=0.01)
    story = stories.retrieval_chat()
    with caplog.at_level(logging.CRITICAL):
        play(story, writer)
        assert writer.flush(10)
    assert Trace.objects.filter(id=story.run.run_id).exists()
    assert (writer.counts.written, writer.counts.retries, writer.counts.dropped) == (1, 2, 0)


@written_for_real
def test_one_trace_that_is_refused_does_not_take_its_batch_with_it(caplog):
    good, bad, fine = stories.retrieval_chat(), stories.retrieval_chat(source="s" * 50), stories.branching_run()
    release = threading.Event()
    writer = TraceWriter(store=lambda batch: release.wait(5) and store.write(batch))
    with caplog.at_level(logging.CRITICAL):
        for story in (stories.stopped_run(), good, bad, fine):
            play(story, writer)
        release.set()
        assert writer.flush(10)
    kept = set(Trace.objects.values_list("id", flat=True))
    assert {good.run.run_id, fine.run.run_id} <= kept
    assert bad.run.run_id not in kept
    assert (writer.counts.written, writer.counts.refused) == (3, 1)


def test_a_full_queue_drops_traces_counts_them_and_asks_for_them_later():
    release, asked = threading.Event(), []
    writer = TraceWriter(
        capacity=2, store=lambda batch: release.wait(5) and len(batch), rebuild=lambda run_id: asked.append(run_id)
    )
    told = [stories.stopped_run() for _ in range(8)]
    writer.submit(job(told[0]))
    _until(lambda: not writer._waiting)
    before = time.perf_counter()
    taken = [writer.submit(job(story)) for story in told[1:]]
    assert time.perf_counter() - before < 0.1, "submitting waited"
    assert taken == [True, True, False, False, False, False, False]
    release.set()
    assert writer.flush(5)
    _until(lambda: len(asked) == 5)
    assert asked == [story.run.run_id for story in told[3:]]
    assert writer.counts.dropped == 5


def test_a_run_that_cannot_be_folded_does_not_end_the_writer(caplog):
    seen = []
    writer = TraceWriter(store=lambda batch: seen.extend(batch) or len(batch))

    def cannot():
        raise RuntimeError("no")

    with caplog.at_level(logging.CRITICAL):
        writer.submit(Job(run_id=stories.run_info({}).run_id, make=cannot))
        writer.submit(job(stories.stopped_run()))
        assert writer.flush(5)
    assert (len(seen), writer.counts.refused) == (1, 1)


def test_a_trace_that_cannot_be_treated_does_not_end_the_writer(caplog):
    refusals, seen = [RuntimeError("not now")], []

    def store(batch):
        if refusals:
            raise refusals.pop()
        seen.extend(batch)
        return len(batch)

    writer = TraceWriter(store=store)
    with caplog.at_level(logging.CRITICAL):
        writer.submit(job(stories.stopped_run()))
        assert writer.flush(5)
        writer.submit(job(stories.stopped_run()))
        assert writer.flush(5)
    assert (len(seen), writer.counts.refused) == (1, 1)


def test_a_writer_whose_thread_ended_starts_another(caplog):
    troubles, seen = [RuntimeError("no")], []

    def report(counts):
        if troubles:
            raise troubles.pop()
        return True

    writer = TraceWriter(store=lambda batch: seen.extend(batch) or len(batch), report=report)
    writer.submit(job(stories.stopped_run()))
    assert writer.flush(5)
    _until(lambda: not writer._running)
    writer.submit(job(stories.stopped_run()))
    assert writer.flush(5)
    assert len(seen) == 2
    assert "stumbled" in caplog.text


def test_flush_says_so_when_its_time_is_up_and_close_gives_up():
    def away(batch):
        raise OperationalError("gone")

    writer = TraceWriter(store=away, first_pause=20)
    writer.submit(job(stories.stopped_run()))
    assert writer.flush(0.05) is False
    assert writer.close(5) is True
    assert writer.counts.dropped == 1


def test_a_trace_that_comes_while_the_process_ends_is_written_at_once():
    seen = []
    writer = TraceWriter(store=lambda batch: seen.extend(batch) or len(batch))
    writer.submit(job(stories.stopped_run()))
    assert writer.close(5)
    assert writer.submit(job(stories.stopped_run()))
    assert len(seen) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_no_part_in_its_parents_queue():
    writer = TraceWriter(store=lambda batch: len(batch))
    writer._waiting.append(job(stories.stopped_run()))
    writer.start_afresh()
    assert writer.flush(0.1)
    writer.submit(job(stories.stopped_run()))
    assert writer.flush(5)
    assert writer.counts.written == 1


def test_an_observer_that_fails_is_dropped_and_the_run_goes_on(caplog):
    class Unusable:
        run_id = None
        nodes = None

    observer = TraceObserver(Unusable(), to=TraceWriter())
    observers = [observer]
    with caplog.at_level(logging.CRITICAL):
        hooks.notify(observers, 1, "not an event at all")
        hooks.notify(observers, 2, RunStarted(at=1.0, inputs={}))
    assert observers == []


def _told(story):
    return story.run, story.log


def _same(row, expected):
    for field in fields(expected):
        value = getattr(expected, field.name)
        if field.name in ("cost", "price") and value is not None:
            value = Decimal(value)
        if field.name == "search":
            assert sorted(row.search.split()) == sorted(value.split())
        else:
            assert getattr(row, field.name) == value, field.name


def _until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def clean_counts():
    """What is counted here is no news for the tests that follow."""
    yield
    with counters._client() as redis:
        redis.delete(counters.KEY)


def test_what_was_dropped_is_told_to_all_processes(client, transactional_db, clean_counts):
    before = counters.recorder_counts()
    release = threading.Event()
    writer = TraceWriter(capacity=1, store=lambda batch: release.wait(5) and len(batch), report=counters.add)
    writer.submit(job(stories.stopped_run()))
    _until(lambda: not writer._waiting)
    assert [writer.submit(job(stories.stopped_run())) for _ in range(3)] == [True, False, False]
    release.set()
    assert writer.close(5)
    after = counters.recorder_counts()
    assert (after.written - before.written, after.dropped - before.dropped) == (2, 2)
    assert after.is_dropping
    assert client.get("/health/ready").json()["checks"]["traces"] == "dropping"


def test_counts_that_could_not_be_told_are_told_with_the_next():
    told, away = [], [False, True, True]
    writer = TraceWriter(store=len, report=lambda counts: away.pop(0) and not told.append(dict(counts)))
    for _ in range(3):
        writer.submit(job(stories.stopped_run()))
        assert writer.flush(5)
        _until(lambda: not writer._busy)
    assert writer.close(5)
    assert sum(counts["written"] for counts in told) == 3
