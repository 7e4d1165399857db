"""Public list prices of well-known models, as they ship with the product."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from model_runtime.pricing import Price, Rates

#: Name of a model -> its prices, the latest first.
Listed = Mapping[str, Sequence[Price]]
PATH = Path(__file__).with_name("prices.json")
_IDS = UUID("6f5d3a0e-6f0b-4a52-9d1c-0d6a3c1c9a11")
_RATES = ("input", "output", "cache_read", "cache_write", "reasoning")


@lru_cache(maxsize=1)
def price_file() -> dict[str, Any]:
    """The file: `source`, `read_on`, and `prices`, one entry for each model and first day."""
    body: dict[str, Any] = json.loads(PATH.read_bytes())
    return body


@lru_cache(maxsize=1)
def listed_prices() -> Listed:
    """All listed prices by name."""
    found: dict[str, list[Price]] = {}
    for entry in price_file()["prices"]:
        found.setdefault(entry["model"], []).append(_price(entry))
    for prices in found.values():
        prices.sort(key=lambda price: price.since or dt.date.min, reverse=True)
    return found


@lru_cache(maxsize=1)
def listed_by_id() -> Mapping[UUID, Price]:
    """All listed prices by id: the id follows from what it says, so it means the same in every release."""
    return {price.id: price for prices in listed_prices().values() for price in prices}


def _price(entry: Mapping[str, Any]) -> Price:
    tiers = [entry, *entry.get("tiers", ())]
    written = json.dumps({name: entry[name] for name in sorted(entry) if name != "vendor"})
    return Price(
        id=uuid5(_IDS, written),
        model=entry["model"],
        provider=entry.get("provider", ""),
        tiers=tuple(_rates(tier) for tier in tiers),
        since=dt.date.fromisoformat(entry["since"]) if entry.get("since") else None,
        is_open=bool(entry.get("open")),
    )


def _rates(entry: Mapping[str, Any]) -> Rates:
    given = {name: Decimal(entry[name]) for name in _RATES if entry.get(name) is not None}
    return Rates(above=entry.get("above", 0), **given)
