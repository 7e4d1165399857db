"""Traces go when their time is up or a person asks for it, and prices can be put right after the fact."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.traces.models import AgentThought, Erasure, KeptTrace, Rollup, Span, SpanPayload, Trace, TracePolicy
from apps.traces.recorder.shapes import stable_id
from apps.traces.recorder.usage import TokenUsage
from apps.traces.selectors.policies import forget_policies
from apps.traces.services.erasure import erase, person_hash, what_is_there
from apps.traces.services.keeping import keep_trace
from apps.traces.services.partitions import make_partitions, partitions
from apps.traces.services.reprice import reprice
from apps.traces.services.retention import expire
from apps.traces.services.store_foreign import store_foreign
from providers.models import ModelPrice
from providers.prices import forget_prices
from tests.traces import stories
from tests.traces.test_foreign import span

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
DAY = 86_400


@pytest.fixture(autouse=True)
def _fresh():
    forget_policies()
    forget_prices()
    yield
    forget_policies()
    forget_prices()


@pytest.fixture
def aged(record):
    """Writes a trace of some days ago, whose id tells the time as those of real runs do."""

    def write(days: float, **changes) -> Trace:
        at_us = int((time.time() - days * DAY) * 1_000_000)
        return record(ago=days * DAY, run_id=stable_id(uuid4(), of="run", position=0, at_us=at_us), **changes)

    return write


def test_traces_go_when_their_time_is_up_and_reviewed_ones_stay(aged, team):
    old, reviewed, young = aged(40), aged(40), aged(5)
    keep_trace(reviewed.id, team_id=team.id, reason="feedback")
    TracePolicy.objects.create(team_id=team.id, retention_days=30)
    forget_policies()
    assert expire().traces == 1
    assert set(Trace.objects.values_list("id", flat=True)) == {reviewed.id, young.id}
    assert not Span.objects.filter(trace_id=old.id).exists()
    assert not AgentThought.objects.filter(trace_id=old.id).exists()
    assert expire().traces == 0


def test_an_app_may_keep_its_traces_longer_than_its_team(aged, team):
    app = stories.run_info({}).application_id
    kept, gone = aged(40, application_id=app), aged(40)
    TracePolicy.objects.create(team_id=team.id, retention_days=30)
    TracePolicy.objects.create(team_id=team.id, application_id=app, retention_days=60)
    forget_policies()
    expire()
    assert Trace.objects.filter(id=kept.id).exists()
    assert not Trace.objects.filter(id=gone.id).exists()


def test_without_a_policy_nothing_goes(aged, settings):
    trace = aged(800)
    assert expire().traces == 0
    settings.TRACES_RETENTION_DAYS = 30
    forget_policies()
    assert expire().traces + expire().months >= 1
    assert not Trace.objects.filter(id=trace.id).exists()


def test_a_month_that_nobody_wants_is_dropped_whole_and_the_sums_stay(aged, team):
    trace = aged(100)
    make_partitions()
    month = trace.started_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert month in {partition.month for partition in partitions()}
    TracePolicy.objects.create(team_id=team.id, retention_days=30)
    forget_policies()
    assert expire().months >= 1
    assert month not in {partition.month for partition in partitions()}
    assert Rollup.objects.filter(team_id=team.id, dimension="app").exists()


def test_a_month_with_a_reviewed_trace_is_not_dropped(aged, team):
    trace = aged(100)
    make_partitions()
    keep_trace(trace.id, team_id=team.id, reason="feedback")
    TracePolicy.objects.create(team_id=team.id, retention_days=30)
    forget_policies()
    expire()
    assert Trace.objects.filter(id=trace.id).exists()


def test_a_person_is_deleted_from_all_tables_and_nobody_else_is(record, team):
    mine = [record(end_user="ada"), record(end_user="ada")]
    others = record(end_user="bob")
    Span.objects.filter(trace=others, kind="llm").update(end_user="ada")
    keep_trace(mine[0].id, team_id=team.id, reason="feedback")
    lone = Span.objects.get(trace=others, kind="llm").id
    found = what_is_there(team_id=team.id, end_user="ada")
    assert found.traces == 2
    erasure = erase(team_id=team.id, end_user="ada", requested_by="olga", reason="asked by letter")
    assert (erasure.traces, erasure.spans) == (2, found.spans)
    assert erasure.finished_at is not None
    assert list(Trace.objects.values_list("id", flat=True)) == [others.id]
    assert not Span.objects.filter(end_user="ada").exists()
    assert not SpanPayload.objects.filter(span_id=lone).exists()
    assert not AgentThought.objects.filter(span_id=lone).exists()
    assert not KeptTrace.objects.exists()
    assert list(Rollup.objects.filter(dimension="user").values_list("name", flat=True).distinct()) == ["bob"]
    assert "ada" not in str(Erasure.objects.values().get())
    assert Erasure.objects.get().person == person_hash(team.id, "ada")


def test_an_empty_name_deletes_nobody(record, team):
    record(end_user="")
    with pytest.raises(ValueError, match="everybody"):
        erase(team_id=team.id, end_user="", requested_by="olga")
    assert Trace.objects.exists()


def test_the_command_counts_first_and_deletes_when_told(record, team, capsys):
    record(end_user="ada")
    call_command("erase_user", "bees", "ada")
    assert "1 traces" in capsys.readouterr().out
    assert Trace.objects.exists()
    call_command("erase_user", "bees", "ada", "--yes")
    assert not Trace.objects.exists()


def test_a_price_of_one_model_leaves_the_costs_of_other_calls_in_the_trace(team):
    sent = [
        span(1, took=9, kind="agent"),
        span(
            2, 1, kind="embedding", model="text-embedding-3-small", provider="openai", usage=TokenUsage(input=1_000_000)
        ),
        span(3, 1, at=1, kind="llm", model="our-own", usage=TokenUsage(input=1_000, output=10)),
    ]
    store_foreign(team.id, sent)
    trace = Trace.objects.get(team_id=team.id)
    before = trace.cost
    assert before
    assert trace.unpriced_calls == 1
    ModelPrice.objects.create(team=team, model="our-own", input=1, output=1)
    ModelPrice.objects.create(team=team, model="text-embedding-3-small", input=5, output=0)
    forget_prices()
    start, end = trace.started_at - dt.timedelta(days=1), trace.started_at + dt.timedelta(days=1)
    assert reprice(team_id=team.id, start=start, end=end) == 1
    trace.refresh_from_db()
    expected = Decimal(5) + Decimal(1_010) / 1_000_000
    assert (trace.cost, trace.unpriced_calls) == (expected, 0)
    assert sum(Span.objects.filter(trace=trace, cost__isnull=False).values_list("cost", flat=True)) == expected
    for dimension in ("app", "model"):
        rows = Rollup.objects.filter(team_id=team.id, dimension=dimension, grain="hour")
        assert sum(row.cost for row in rows) == expected


def test_a_price_entered_later_reaches_traces_and_sums(record, team):
    trace = record()
    price = ModelPrice.objects.create(team=team, model="gpt-4o-mini", input=1, output=1)
    forget_prices()
    start, end = timezone.now() - dt.timedelta(days=1), timezone.now()
    assert reprice(team_id=team.id, start=start, end=end) == 1
    assert reprice(team_id=team.id, start=start, end=end) == 0
    expected = Decimal(812 + 64) / 1_000_000
    trace.refresh_from_db()
    span = Span.objects.get(trace=trace, kind="llm")
    assert trace.cost == span.cost == AgentThought.objects.get(trace=trace).price == expected
    assert span.price_id == price.id
    for dimension in ("app", "model"):
        rows = Rollup.objects.filter(team_id=team.id, dimension=dimension, grain="hour")
        assert [(row.count, row.cost) for row in rows if row.count] == [(1, expected)]
