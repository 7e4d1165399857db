"""What clients read about the price of an answer: Dify's fields, true where a price is known and zero where not."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from apps.workflows.adapters.models import _usage
from apps.workflows.engine.events import NodeSucceeded, Usage, from_dict, to_dict
from apps.workflows.streaming.wire import for_reader, usage_body
from model_runtime import types as runtime
from model_runtime.price_book import PriceBook
from model_runtime.providers.openai_wire import read_usage


@dataclasses.dataclass(frozen=True)
class Called:
    """A model as the adapter knows it."""

    name: str
    provider: str = "openai"


def used(model: str, provider: str = "openai") -> Usage:
    reported = runtime.Usage(input_tokens=812, output_tokens=64, total_tokens=876, cached_input_tokens=512)
    found = _usage(reported, Called(model, provider), PriceBook())
    assert found is not None
    return found


def test_a_known_price_is_told_in_decimal_text_and_unit_times_count_is_the_price():
    body = usage_body(used("gpt-4o-mini"), latency=1.5)
    assert (body["prompt_price"], body["completion_price"]) == ("0.0000834", "0.0000384")
    assert (body["total_price"], body["currency"]) == ("0.0001218", "USD")
    for part in ("prompt", "completion"):
        unit = Decimal(body[f"{part}_unit_price"]) * Decimal(body[f"{part}_price_unit"])
        assert abs(unit * body[f"{part}_tokens"] - Decimal(body[f"{part}_price"])) < Decimal("1e-9")


@pytest.mark.parametrize(("model", "provider"), [("house-model", "openai"), ("demo", "built-in")])
def test_an_unknown_or_free_model_costs_zero_in_the_same_shape(model, provider):
    known, body = usage_body(used("gpt-4o"), latency=1), usage_body(used(model, provider), latency=1)
    assert {name: type(value) for name, value in body.items()} == {name: type(value) for name, value in known.items()}
    assert (body["prompt_price"], body["completion_price"], body["total_price"]) == ("0", "0", "0")
    assert body["currency"] == "USD"


def test_visitors_read_tokens_and_no_prices():
    body = for_reader({"usage": usage_body(used("gpt-4o"), latency=1)}, public=True)["usage"]
    assert body["total_tokens"] == 876
    assert {value for name, value in body.items() if "price" in name} == {"0"}


def test_costs_add_up_come_apart_again_and_survive_the_log():
    one, two = used("gpt-4o-mini"), used("gpt-4o")
    assert (one + two) - two == one
    assert Usage() + one == one
    event = NodeSucceeded(at=1.0, node_id="n", outputs={}, elapsed=0.1, usage=one + two)
    assert from_dict(to_dict(event)) == event


def test_amounts_in_another_currency_are_left_out():
    yuan = Usage(input_tokens=1, input_cost="7", currency="CNY")
    both = used("gpt-4o-mini") + yuan
    assert (both.total_cost, both.currency, both.input_tokens) == ("0.0001218", "USD", 813)


def test_a_gateway_that_leaves_cached_tokens_out_of_the_input_is_understood():
    apart = read_usage(
        {
            "prompt_tokens": 300,
            "completion_tokens": 9,
            "cache_read_input_tokens": 1500,
            "cache_creation_input_tokens": 200,
        }
    )
    within = read_usage(
        {
            "prompt_tokens": 2000,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 1500, "cache_write_tokens": 200},
        }
    )
    assert apart == within
    assert apart is not None
    assert (apart.input_tokens, apart.cached_input_tokens, apart.cache_write_tokens) == (2000, 1500, 200)
