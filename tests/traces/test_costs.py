"""What runs cost: every token once, at the price that held, and a lower bound where a price is unknown."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection

from apps.traces.models import AgentThought, Rollup, Span, SpanPayload
from apps.traces.recorder.costs import cost_of_call, sum_of
from apps.traces.recorder.usage import TokenUsage
from model_runtime.price_book import PriceBook
from model_runtime.price_list import listed_by_id
from model_runtime.pricing import Cost
from providers.models import ModelPrice
from providers.prices import forget_prices
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture(autouse=True)
def _fresh_prices():
    forget_prices()
    yield
    forget_prices()


def test_a_call_is_priced_where_it_is_shown_and_the_run_is_the_sum(record):
    """812 tokens in, 512 of them from a cache, and 64 out, of a model at $0.15, $0.075 and $0.60 a million."""
    trace = record()
    span = Span.objects.get(trace=trace, kind="llm")
    thought = AgentThought.objects.get(trace=trace)
    payload = SpanPayload.objects.get(span=span)
    expected = (300 * Decimal("0.15") + 512 * Decimal("0.075") + 64 * Decimal("0.6")) / 1_000_000
    assert trace.cost == span.cost == thought.price == expected
    assert trace.currency == span.currency == thought.currency == "USD"
    assert trace.unpriced_calls == 0
    assert span.price_id == thought.price_id
    assert listed_by_id()[span.price_id].model == "gpt-4o-mini"
    assert payload.costs == {"input": "0.0000450000", "cache_read": "0.0000384000", "output": "0.0000384000"}
    assert payload.usage == {"input": 300, "cache_read": 512, "output": 64}
    assert Rollup.objects.get(dimension="app", grain="hour", app=str(trace.application_id)).cost == expected


def test_a_price_of_the_team_comes_before_the_list_from_its_day_on(record, team):
    early, late = dt.date(2020, 1, 1), dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2)
    price = ModelPrice.objects.create(team=team, model="gpt-4o*", input=1, output=1, valid_from=early)
    ModelPrice.objects.create(team=team, model="gpt-4o*", input=9, output=9, valid_from=late)
    trace = record()
    assert trace.cost == Decimal(812 + 64) / 1_000_000
    assert Span.objects.get(trace=trace, kind="llm").price_id == price.id


def test_a_price_of_another_team_means_nothing(record, team, django_user_model):
    from accounts.models import Team

    ModelPrice.objects.create(team=Team.objects.create(slug="ants", name="Ants"), model="*", input=1, output=1)
    assert record().cost == Decimal("0.0001218")


def test_a_call_without_a_price_is_counted_as_such_and_costs_nothing_known(record):
    def tell(**changes):
        story = stories.retrieval_chat(**changes)
        story.log = [(seq, _of_model(event, "house-model")) for seq, event in story.log]
        return story

    trace = record(tell)
    assert trace.cost is None
    assert trace.unpriced_calls == 1
    assert Span.objects.get(trace=trace, kind="llm").cost is None


def _of_model(event, name):
    process = getattr(event, "process", None) or {}
    if "model" not in process:
        return event
    return dataclasses.replace(event, process={**process, "model": name})


def test_both_ways_of_counting_give_one_cost():
    """2,000 tokens of which 1,500 came from a cache and 200 went to one: once all told, once told apart."""
    book = PriceBook()
    total = TokenUsage(input=2_000, output=100, cache_read=1_500, cache_write=200)
    cost = cost_of_call(total, book, model="claude-sonnet-4-5")
    assert cost is not None
    assert cost.total == Decimal(300 * 3 + 1_500 * Decimal("0.3") + 200 * Decimal("3.75") + 100 * 15) / 1_000_000
    assert sum(total.buckets().values()) == 2_100


def test_what_a_sender_reckoned_wins_over_our_prices():
    cost = cost_of_call(TokenUsage(input=10), PriceBook(), model="gpt-4o", told={"total": "0.5"})
    assert cost is not None
    assert cost.total == Decimal("0.5")


def test_amounts_in_two_currencies_are_never_added():
    dollars, yuan = Cost(total=Decimal(1), currency="USD"), Cost(total=Decimal(7), currency="CNY")
    total, left_out = sum_of([dollars, yuan, dollars, None])
    assert total is not None
    assert (total.total, total.currency, left_out) == (2, "USD", 2)
    assert sum_of([None]) == (None, 1)
    assert sum_of([]) == (None, 0)


def test_prices_of_a_team_are_asked_for_once_in_a_while(record, django_assert_max_num_queries):
    record()
    with django_assert_max_num_queries(4, connection=connection):
        record()
