"""What a call of a model took: tokens by kind with their cost, and how fast it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.traces.models import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Tokens of one kind and what they cost; `is_part` of those in the row above."""

    label: str | Promise
    tokens: int
    cost: str | None = None
    is_part: bool = False


def spent_of(span: Span, costs: Mapping[str, Any]) -> list[Spent]:
    """The kinds of tokens, those within others below them."""
    rows = [
        Spent(label=_("Input"), tokens=span.input_tokens, cost=costs.get("input")),
        Spent(label=_("read from a cache"), tokens=span.cached_tokens, cost=costs.get("cache_read"), is_part=True),
        Spent(
            label=_("written to a cache"), tokens=span.cache_write_tokens, cost=costs.get("cache_write"), is_part=True
        ),
        Spent(label=_("Output"), tokens=span.output_tokens, cost=costs.get("output")),
        Spent(label=_("reasoning"), tokens=span.reasoning_tokens, cost=costs.get("reasoning"), is_part=True),
    ]
    return [row for row in rows if row.tokens or not row.is_part]


def tokens_per_second(span: Span) -> float | None:
    """Output tokens in a second of writing, the wait for the first one left out."""
    if not span.output_tokens or span.duration_us is None:
        return None
    writing = span.duration_us - (span.first_text_us or 0)
    return span.output_tokens * 1_000_000 / writing if writing > 0 else None
