"""Puts prices on the calls of models: on thoughts, on their spans, and on the trace as a sum."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from operator import add
from uuid import UUID

from apps.traces.recorder.record import RecordedPayload, RecordedSpan, RecordedThought, RecordedTrace
from apps.traces.recorder.usage import TokenUsage
from model_runtime.price_book import PriceBook
from model_runtime.pricing import BUCKETS, Cost, cost_of


def cost_of_call(
    usage: TokenUsage,
    book: PriceBook,
    *,
    model: str,
    provider: str = "",
    at: dt.datetime | None = None,
    told: Mapping[str, str] | None = None,
) -> Cost | None:
    """What one call cost; None where nobody knows. `told` are costs by bucket as its sender reckoned them: they win."""
    if told:
        amounts = {name: Decimal(amount) for name, amount in told.items()}
        parts = {name: amount for name, amount in amounts.items() if name != "total"}
        return Cost(total=amounts.get("total", sum(parts.values(), Decimal())), currency="USD", by_bucket=parts)
    price = book.find(model, provider=provider, on=at.date() if at else None)
    return None if price is None else cost_of(usage.buckets(), price)


def priced(record: RecordedTrace, book: PriceBook) -> RecordedTrace:
    """The record with what its calls cost. Costs that were told with a call stay as they are."""
    costs = {thought.id: _cost(thought, book) for thought in record.thoughts}
    by_span: dict[UUID, list[Cost]] = {}
    for thought in record.thoughts:
        cost = costs[thought.id]
        if cost is not None:
            by_span.setdefault(thought.span_id, []).append(cost)
    calls = [costs[thought.id] for thought in record.thoughts if thought.model]
    total, unpriced = sum_of(calls)
    usages = _usages(record.thoughts)
    return replace(
        record,
        trace=replace(
            record.trace,
            cost=None if total is None else f"{total.total:f}",
            currency="" if total is None else total.currency,
            unpriced_calls=unpriced,
        ),
        spans=tuple(_span(span, by_span.get(span.id, ())) for span in record.spans),
        payloads=tuple(
            _payload(payload, by_span.get(payload.span_id, ()), usages.get(payload.span_id))
            for payload in record.payloads
        ),
        thoughts=tuple(_thought(thought, costs[thought.id]) for thought in record.thoughts),
    )


def sum_of(costs: Iterable[Cost | None]) -> tuple[Cost | None, int]:
    """The sum, and how many calls it leaves out: those without a price, and those in a rarer currency."""
    given = list(costs)
    known = [cost for cost in given if cost is not None]
    if not known:
        return None, len(given)
    currency = Counter(cost.currency for cost in known).most_common(1)[0][0]
    summed = [cost for cost in known if cost.currency == currency]
    return reduce(add, summed), len(given) - len(summed)


def _cost(thought: RecordedThought, book: PriceBook) -> Cost | None:
    if thought.price is not None:
        total = Decimal(thought.price)
        return Cost(total=total, currency=thought.currency or "USD", by_bucket={}, price_id=thought.price_id)
    if not thought.model:
        return None
    return cost_of_call(_usage(thought), book, model=thought.model, provider=thought.provider, at=thought.started_at)


def _usage(thought: RecordedThought) -> TokenUsage:
    return TokenUsage(
        input=thought.input_tokens,
        output=thought.output_tokens,
        cache_read=thought.cached_tokens,
        cache_write=thought.cache_write_tokens,
        reasoning=thought.reasoning_tokens,
    )


def _usages(thoughts: Sequence[RecordedThought]) -> dict[UUID, dict[str, int]]:
    """Tokens of each span by bucket, those of all its calls."""
    found: dict[UUID, dict[str, int]] = {}
    for thought in thoughts:
        counts = found.setdefault(thought.span_id, {})
        for bucket, count in _usage(thought).buckets().items():
            if count:
                counts[bucket] = counts.get(bucket, 0) + count
    return found


def _thought(thought: RecordedThought, cost: Cost | None) -> RecordedThought:
    if cost is None:
        return thought
    return replace(thought, price=f"{cost.total:f}", currency=cost.currency, price_id=cost.price_id)


def _span(span: RecordedSpan, costs: Sequence[Cost]) -> RecordedSpan:
    total, _left_out = sum_of(costs)
    if total is None:
        return span
    return replace(span, cost=f"{total.total:f}", currency=total.currency, price_id=total.price_id)


def _payload(payload: RecordedPayload, costs: Sequence[Cost], usage: dict[str, int] | None) -> RecordedPayload:
    total, _left_out = sum_of(costs)
    if usage and not payload.usage:
        payload = replace(payload, usage=usage)
    if total is None or payload.costs:
        return payload
    return replace(payload, costs={name: f"{total.by_bucket[name]:f}" for name in BUCKETS if name in total.by_bucket})
