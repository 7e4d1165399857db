"""Prices: which one a name means, and what the tokens of a call come to, each counted once."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from uuid import uuid4

import pytest

from model_runtime.price_book import PriceBook
from model_runtime.price_list import listed_by_id, listed_prices, price_file
from model_runtime.price_list.making import entries_of, merged
from model_runtime.pricing import Cost, Price, Rates, buckets_of, cost_of


def price(model: str, *, input: str = "1", output: str = "2", **more: object) -> Price:
    rates = {name: more.pop(name) for name in ("cache_read", "cache_write", "reasoning") if name in more}
    tier = Rates(
        input=Decimal(input), output=Decimal(output), **{name: Decimal(str(value)) for name, value in rates.items()}
    )
    return Price(id=uuid4(), model=model, **{"tiers": (tier,), **more})


PLAIN = price("plain", input="3", output="15", cache_read="0.3", cache_write="3.75")


def test_cached_tokens_of_a_total_input_are_counted_once():
    """OpenAI's way: 2,000 tokens sent, 1,500 of them from a cache."""
    tokens = buckets_of(input_tokens=2_000, output_tokens=100, cache_read=1_500)
    cost = cost_of(tokens, PLAIN)
    assert tokens == {"input": 500, "cache_read": 1_500, "cache_write": 0, "output": 100, "reasoning": 0}
    assert cost.by_bucket == {
        "input": Decimal("0.0015"),
        "cache_read": Decimal("0.00045"),
        "output": Decimal("0.0015"),
    }
    assert cost.total == Decimal("0.00345")
    assert (cost.input, cost.output) == (Decimal("0.00195"), Decimal("0.0015"))


def test_both_ways_of_counting_one_call_cost_the_same():
    """Anthropic's way leaves 1,500 cached and 200 written tokens out of the 300 it calls input."""
    apart = {"input": 300, "cache_read": 1_500, "cache_write": 200, "output": 100}
    total = buckets_of(input_tokens=2_000, output_tokens=100, cache_read=1_500, cache_write=200)
    assert cost_of(apart, PLAIN) == cost_of(total, PLAIN)


def test_reasoning_is_a_part_of_the_output_and_paid_once():
    tokens = buckets_of(input_tokens=0, output_tokens=1_000, reasoning=800)
    assert cost_of(tokens, price("a", output="10")).total == Decimal("0.01")
    assert cost_of(tokens, price("a", output="10", reasoning="40")).total == Decimal("0.034")


def test_counts_that_contradict_each_other_never_make_a_negative_cost():
    tokens = buckets_of(input_tokens=10, output_tokens=5, cache_read=400, reasoning=50)
    assert tokens["input"] == 0
    assert tokens["output"] == 0
    assert tokens["reasoning"] == 5
    assert all(part >= 0 for part in cost_of(tokens, PLAIN).by_bucket.values())


def test_tokens_without_a_price_of_their_own_cost_what_input_and_output_cost():
    tokens = {"input": 0, "cache_read": 10, "cache_write": 10, "output": 0, "reasoning": 10}
    assert cost_of(tokens, price("a", input="100", output="1000")).total == Decimal("0.012")


@pytest.mark.parametrize(("size", "rate"), [(1, 1), (200_000, 1), (200_001, 2), (900_000, 3)])
def test_all_of_a_call_has_the_rates_of_the_tier_that_its_whole_input_reaches(size, rate):
    tiers = tuple(
        Rates(input=Decimal(level), output=Decimal(level * 10), cache_read=Decimal(level), above=above)
        for level, above in ((1, 0), (2, 200_000), (3, 500_000))
    )
    tiered = Price(id=uuid4(), model="tiered", tiers=tiers)
    cached = size // 2  # what came from a cache counts for the size
    tokens = buckets_of(input_tokens=size, output_tokens=1_000_000, cache_read=cached)
    assert cost_of(tokens, tiered).by_bucket["output"] == rate * 10
    assert cost_of(tokens, tiered).input == (Decimal(size) * rate / 1_000_000).quantize(Decimal("1e-10"))


def test_costs_add_up_in_one_currency_only():
    one = cost_of({"input": 1_000_000, "output": 1_000_000}, PLAIN)
    assert (one + one).total == 36
    assert (one + one).by_bucket == {"input": 6, "output": 30}
    with pytest.raises(ValueError, match="CNY"):
        one + Cost(total=Decimal(1), currency="CNY")


BOOK = PriceBook()


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("GPT-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("gpt-35-turbo", "gpt-3.5-turbo"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        ("mistral-large", "mistral-large-latest"),
        ("deepseek-chat", "deepseek-chat"),
        ("text-embedding-3-small", "text-embedding-3-small"),
    ],
)
def test_a_name_as_clients_write_it_means_the_listed_model(model, meant):
    found = BOOK.find(model)
    assert found is not None
    assert found.model == meant


@pytest.mark.parametrize("model", ["", "gpt-4o-mini-ours", "llama3:8b", "deepseek-r1:14b", "gpt-4o:free", "gpt", "*"])
def test_nobody_guesses_the_price_of_a_model_that_is_not_listed(model):
    assert BOOK.find(model) is None


def test_an_open_model_run_by_others_has_no_list_price():
    assert BOOK.find("deepseek-chat", provider="deepseek") is not None
    assert BOOK.find("deepseek-ai/deepseek-v3", provider="ollama") is None
    assert BOOK.find("deepseek-v3", provider="my-siliconflow") is None
    assert BOOK.find("gpt-4o", provider="azure.ai.openai") is not None


def test_the_built_in_model_costs_nothing_but_another_of_its_name_is_unknown():
    free = BOOK.find("demo", provider="built-in")
    assert free is not None
    assert cost_of({"input": 10_000}, free).total == 0
    assert BOOK.find("demo", provider="openai") is None


def test_prices_of_ones_own_come_before_the_list_and_the_most_telling_wins():
    everything, family, exact = price("*"), price("gpt-4o*"), price("gpt-4o-mini")
    through = price("gpt-4o-mini", provider="azure")
    book = PriceBook([everything, family, exact, through])
    assert book.find("gpt-4o-mini") is exact
    assert book.find("gpt-4o-mini", provider="azure") is through
    assert book.find("openai/gpt-4o-2024-08-06") is family
    assert book.find("unheard-of") is everything
    assert PriceBook([price("ours/*")]).find("some-model", provider="ours") is not None


def test_a_pattern_is_no_regular_expression():
    assert PriceBook([price("gpt.4o")]).find("gpt-4o-x") is None
    assert PriceBook([price("(a+)+*")]).find("a" * 200) is None


def test_a_price_holds_from_its_day_on():
    old, new = price("m"), price("m", since=dt.date(2026, 6, 1))
    book = PriceBook([new, old])
    assert book.find("m", on=dt.date(2026, 5, 31)) is old
    assert book.find("m", on=dt.date(2026, 6, 1)) is new
    assert book.find("m") is new


def test_the_list_says_where_it_is_from_and_every_entry_makes_sense():
    file = price_file()
    assert "LiteLLM" in file["source"]
    assert dt.date.fromisoformat(file["read_on"])
    for prices in listed_prices().values():
        for each in prices:
            assert [tier.above for tier in each.tiers] == sorted(tier.above for tier in each.tiers)
            assert all(0 <= tier.input <= 1_000 and 0 <= tier.output <= 1_000 for tier in each.tiers), each.model
            assert all((tier.cache_read or 0) <= tier.input for tier in each.tiers), each.model
    assert len(listed_by_id()) == len(file["prices"])


def test_a_newer_map_keeps_what_a_price_was_before():
    def published(price: float) -> dict[str, dict[str, object]]:
        facts = {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": price}
        return {"gpt-9": {**facts, "output_cost_per_token": 1e-5}}

    first = merged([], entries_of(published(2e-6)), on=dt.date(2026, 1, 1))
    same = merged(first, entries_of(published(2e-6)), on=dt.date(2026, 2, 1))
    later = merged(same, entries_of(published(1e-6)), on=dt.date(2026, 3, 1))
    assert first == same == [{"model": "gpt-9", "vendor": "openai", "input": "2", "output": "10"}]
    assert later == [*first, {**first[0], "input": "1", "since": "2026-03-01"}]
    assert json.dumps(later)


def test_tiers_of_a_map_are_read_in_both_of_its_forms():
    by_name = {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 2e-6,
        "input_cost_per_token_above_200k_tokens": 3e-6,
        "output_cost_per_token_above_200k_tokens": 4e-6,
    }
    by_range = {
        "litellm_provider": "dashscope",
        "mode": "chat",
        "tiered_pricing": [
            {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "range": [0, 200_000.0]},
            {"input_cost_per_token": 3e-6, "output_cost_per_token": 4e-6, "range": [200_000.0, 1e6]},
        ],
    }
    google, qwen = entries_of({"gemini/g": by_name, "dashscope/q": by_range})
    assert google["tiers"] == qwen["tiers"] == [{"input": "3", "output": "4", "above": 200_000}]
