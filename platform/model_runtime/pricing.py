"""What a call of a model costs: prices, which of them a model's name means, and the sum for its tokens. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

#: What a token can be counted as. Each token of a call is in one of these.
BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")
#: Those that are part of the input: together they are the size by which tiers are chosen.
INPUT_BUCKETS = ("input", "cache_read", "cache_write")
#: Rates are for so many tokens.
PER = 1_000_000
_MILLION = Decimal(PER)
#: As exact as the columns that costs are kept in.
_EXACT = Decimal("0.0000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Prices of a million tokens, for calls whose input has more than `above` tokens.

    What is None has no price of its own: cached and written tokens then cost what input costs, and reasoning what
    output costs.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    above: int = 0

    def of(self, bucket: str) -> Decimal:
        """The rate for the tokens of one bucket."""
        own: Decimal | None = getattr(self, bucket)
        if own is not None:
            return own
        return self.output if bucket == "reasoning" else self.input


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one model, or of those whose names fit a pattern, from a day on."""

    id: UUID
    #: A name in small letters; `*` stands for any characters.
    model: str
    #: By ascending `above`; the first has 0.
    tiers: tuple[Rates, ...]
    currency: str = "USD"
    #: Only calls through this provider; empty for any.
    provider: str = ""
    #: The first day it holds; None for always.
    since: dt.date | None = None
    #: Whether anybody may run the model: others than its maker then ask other prices.
    is_open: bool = False

    def rates(self, size: int) -> Rates:
        """The rates for a call with so many input tokens: all its tokens have those of one tier."""
        return next((tier for tier in reversed(self.tiers) if size > tier.above), self.tiers[0])

    def holds(self, day: dt.date | None) -> bool:
        """Whether it was the price on a day; without a day, whether it ever was."""
        return self.since is None or day is None or self.since <= day


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one call cost, or several together."""

    total: Decimal
    currency: str
    by_bucket: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    price_id: UUID | None = None

    @property
    def input(self) -> Decimal:
        """The part for what was sent, from caches and to caches included."""
        return sum((self.by_bucket.get(bucket, Decimal()) for bucket in INPUT_BUCKETS), Decimal())

    @property
    def output(self) -> Decimal:
        """The part for what came back, thinking included."""
        return self.total - self.input

    def __add__(self, other: Cost) -> Cost:
        """Both together. The two must be in one currency."""
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added")
        names = [name for name in BUCKETS if name in self.by_bucket or name in other.by_bucket]
        return Cost(
            total=self.total + other.total,
            currency=self.currency,
            by_bucket={name: self.by_bucket.get(name, 0) + other.by_bucket.get(name, Decimal()) for name in names},
            price_id=self.price_id if self.price_id == other.price_id else None,
        )


def cost_of(tokens: Mapping[str, int], price: Price) -> Cost:
    """The cost of a call whose tokens are counted by bucket, each in one bucket only."""
    rates = price.rates(sum(tokens.get(bucket, 0) for bucket in INPUT_BUCKETS))
    by_bucket = {
        bucket: (tokens[bucket] * rates.of(bucket) / _MILLION).quantize(_EXACT)
        for bucket in BUCKETS
        if tokens.get(bucket)
    }
    return Cost(
        total=sum(by_bucket.values(), Decimal()), currency=price.currency, by_bucket=by_bucket, price_id=price.id
    )


def buckets_of(
    *, input_tokens: int, output_tokens: int, cache_read: int = 0, cache_write: int = 0, reasoning: int = 0
) -> dict[str, int]:
    """Counts whose input and output are totals, as disjoint ones: cached and reasoning tokens are counted once."""
    return {
        "input": max(0, input_tokens - cache_read - cache_write),
        "cache_read": cache_read,
        "cache_write": cache_write,
        "output": max(0, output_tokens - reasoning),
        "reasoning": min(reasoning, output_tokens),
    }
