"""Finds the price that a model's name means, among prices of one's own and the list that ships with the product."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Iterator, Sequence

from model_runtime.price_list import Listed, listed_prices
from model_runtime.pricing import Price

#: Parts of the names of providers that run other people's open models, at prices of their own or for nothing.
_HOSTS = (
    *("ollama", "vllm", "sglang", "llama", "lmstudio", "lm-studio", "localai", "xinference", "huggingface", "tgi"),
    *("groq", "together", "fireworks", "deepinfra", "siliconflow", "openrouter", "novita", "cerebras", "sambanova"),
    *("nebius", "replicate", "bedrock", "azure", "vertex", "databricks", "local"),
)
#: What marketplaces write around a maker's name for a model.
_PLACE = re.compile(
    r"^(?:(?:us|eu|apac|au|jp|ca|global|us-gov)\.)?(?:anthropic|cohere|mistral|deepseek|qwen|moonshot)\."
)
_EDITION = re.compile(r"(?:-v\d+)?:\d+$|-v\d+:\d+$|:latest$")
_DATED = re.compile(r"-(?:20\d\d-\d\d-\d\d|20\d{6}|latest)$")
_PREVIEW = re.compile(r"-(?:preview|exp)(?:-\d\d-(?:\d\d|20\d\d))?$|-00\d$")
_REMEMBERED = 10_000


class PriceBook:
    """The prices that hold for one team. Its own come before those of the list."""

    def __init__(self, own: Sequence[Price] = (), *, listed: Listed | None = None) -> None:
        self._own = [(price, re.compile(fnmatch.translate(price.model.lower()))) for price in own]
        self._listed = listed_prices() if listed is None else listed
        self._known: dict[tuple[str, str, dt.date | None], Price | None] = {}

    def find(self, model: str, *, provider: str = "", on: dt.date | None = None) -> Price | None:
        """The price of a model called through a provider on a day; None when nobody knows it."""
        asked = model, provider, on
        if asked not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[asked] = self._find(model.lower().strip(), provider.lower(), on)
        return self._known[asked]

    def _find(self, model: str, provider: str, on: dt.date | None) -> Price | None:
        names = list(names_of(model))
        return self._find_own(names, provider, on) or self._find_listed(names, provider, on)

    def _find_own(self, names: Sequence[str], provider: str, on: dt.date | None) -> Price | None:
        """The most telling pattern wins, then the one that names the provider, then the latest."""
        fitting = [
            price
            for price, pattern in self._own
            if price.provider.lower() in ("", provider)
            and price.holds(on)
            and any(pattern.match(name) for name in (*names, f"{provider}/{names[0]}"))
        ]
        return max(fitting, key=_weight, default=None)

    def _find_listed(self, names: Sequence[str], provider: str, on: dt.date | None) -> Price | None:
        is_host = any(host in provider for host in _HOSTS)
        for name in names:
            for price in self._listed.get(name, ()):
                if price.holds(on) and price.provider in ("", provider) and not (price.is_open and is_host):
                    return price
        return None


def names_of(model: str) -> Iterator[str]:
    """The names under which a model may be known, the most exact first."""
    bare = model.rpartition("/")[2]
    plain = _EDITION.sub("", _PLACE.sub("", bare)).replace("@", "-")
    undated = _DATED.sub("", plain)
    seen: set[str] = set()
    settled = _PREVIEW.sub("", undated)
    for name in (model, bare, plain, undated, f"{plain}-latest", _usual(undated), settled):
        if name and name not in seen:
            seen.add(name)
            yield name


def _usual(name: str) -> str:
    """Spellings of marketplaces as the makers spell them."""
    if name.startswith("claude-"):
        return name.replace(".", "-")
    return name.replace("gpt-35-", "gpt-3.5-")


def _weight(price: Price) -> tuple[bool, int, bool, dt.date]:
    literal = len(price.model.replace("*", ""))
    return "*" not in price.model, literal, bool(price.provider), price.since or dt.date.min
