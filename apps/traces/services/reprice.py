"""Reckons again what runs cost, for prices that were entered or changed after the fact."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from apps.traces.recorder.costs import cost_of_call, sum_of
from apps.traces.recorder.store import ALIAS, count
from apps.traces.recorder.tallies import Tallies
from apps.traces.recorder.usage import TokenUsage
from model_runtime.price_book import PriceBook
from model_runtime.pricing import BUCKETS, Cost
from providers.prices import price_book
from support.ids import earliest

BATCH = 200


def reprice(*, team_id: UUID, start: dt.datetime, end: dt.datetime) -> int:
    """Price the calls of a team's traces of a time again; how many traces cost something else now.

    Costs that a sender reckoned stay. Roll-ups follow in the same transaction.
    """
    book, after, changed = price_book(team_id), earliest(start), 0
    while True:
        with transaction.atomic(using=ALIAS):
            batch = list(
                Trace.objects.using(ALIAS)
                .select_for_update()
                .filter(team_id=team_id, id__gte=after, id__lt=earliest(end))
                .order_by("id")[:BATCH]
            )
            if not batch:
                return changed
            changed += _reprice(batch, book)
        after = UUID(int=batch[-1].id.int + 1)


def _reprice(traces: list[Trace], book: PriceBook) -> int:
    tallies, changed = Tallies(), 0
    for trace in traces:
        thoughts = list(AgentThought.objects.using(ALIAS).filter(trace=trace).exclude(model=""))
        costs = {thought.id: _cost(thought, book) for thought in thoughts}
        if all(_same(thought, costs[thought.id]) for thought in thoughts):
            continue
        changed += 1
        _count(tallies, trace, thoughts, times=-1)
        for thought in thoughts:
            _put(thought, costs[thought.id])
        _spans(trace, thoughts, costs)
        total, trace.unpriced_calls = sum_of(costs[thought.id] for thought in thoughts)
        trace.cost, trace.currency = (None, "") if total is None else (total.total, total.currency)
        trace.save(using=ALIAS, update_fields=["cost", "currency", "unpriced_calls"])
        _count(tallies, trace, thoughts, times=1)
    count(tallies)
    return changed


def _cost(thought: AgentThought, book: PriceBook) -> Cost | None:
    if thought.price is not None and thought.price_id is None:  # told by whoever made the call
        return Cost(total=thought.price, currency=thought.currency or "USD")
    usage = TokenUsage(
        input=thought.input_tokens,
        output=thought.output_tokens,
        cache_read=thought.cached_tokens,
        cache_write=thought.cache_write_tokens,
        reasoning=thought.reasoning_tokens,
    )
    return cost_of_call(usage, book, model=thought.model, provider=thought.provider, at=thought.started_at)


def _same(thought: AgentThought, cost: Cost | None) -> bool:
    if cost is None:
        return thought.price is None
    return (thought.price, thought.currency, thought.price_id) == (cost.total, cost.currency, cost.price_id)


def _put(thought: AgentThought, cost: Cost | None) -> None:
    thought.price, thought.currency, thought.price_id = (
        (None, "", None) if cost is None else (cost.total, cost.currency, cost.price_id)
    )
    thought.save(using=ALIAS, update_fields=["price", "currency", "price_id"])


def _spans(trace: Trace, thoughts: list[AgentThought], costs: dict[UUID, Cost | None]) -> None:
    by_span: dict[UUID, list[Cost | None]] = {}
    for thought in thoughts:
        by_span.setdefault(thought.span_id, []).append(costs[thought.id])
    for span_id, given in by_span.items():
        total, _left_out = sum_of(given)
        parts = {} if total is None else {name: total.by_bucket.get(name) for name in BUCKETS}
        Span.objects.using(ALIAS).filter(id=span_id, trace=trace).update(
            cost=None if total is None else total.total,
            currency="" if total is None else total.currency,
            price_id=None if total is None else total.price_id,
        )
        told = {name: f"{amount:f}" for name, amount in parts.items() if isinstance(amount, Decimal)}
        if told or total is None:
            SpanPayload.objects.using(ALIAS).filter(span_id=span_id).update(costs=told)


def _count(tallies: Tallies, trace: Trace, thoughts: list[AgentThought], *, times: int) -> None:
    tallies.add_trace(trace, times=times)
    for thought in thoughts:
        tallies.add_thought(trace, thought, times=times)
