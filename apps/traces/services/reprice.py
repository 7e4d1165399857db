"""Reckons again what runs cost, for prices that were entered or changed after the fact."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from apps.traces.recorder.costs import cost_of_call, sum_of
from apps.traces.recorder.growth import is_call
from apps.traces.recorder.store import ALIAS, count
from apps.traces.recorder.tallies import Tallies
from apps.traces.recorder.usage import TokenUsage
from model_runtime.price_book import PriceBook
from model_runtime.pricing import BUCKETS, Cost
from providers.prices import price_book
from support.ids import earliest

BATCH = 200
#: Amount, currency, and the price it was reckoned with.
_Amounts = tuple[Decimal | None, str, UUID | None]


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
    thoughts, spans = _calls([trace.id for trace in traces])
    for trace in traces:
        said, alone = thoughts[trace.id], spans[trace.id]
        calls: list[AgentThought | Span] = [*said, *alone]
        costs = {call.id: _cost(call, book) for call in calls}
        if all(_money(call) == _amounts(costs[call.id]) for call in calls):
            continue
        changed += 1
        _count(tallies, trace, said, alone, times=-1)
        _put(trace, said, alone, costs)
        total, trace.unpriced_calls = sum_of(costs.values())
        trace.cost, trace.currency = (None, "") if total is None else (total.total, total.currency)
        trace.save(using=ALIAS, update_fields=["cost", "currency", "unpriced_calls"])
        _count(tallies, trace, said, alone, times=1)
    count(tallies)
    return changed


def _calls(trace_ids: list[UUID]) -> tuple[dict[UUID, list[AgentThought]], dict[UUID, list[Span]]]:
    """The calls of models of each trace: thoughts, and spans from elsewhere that have none, such as embeddings."""
    thoughts: dict[UUID, list[AgentThought]] = defaultdict(list)
    for thought in AgentThought.objects.using(ALIAS).filter(trace_id__in=trace_ids).exclude(model=""):
        thoughts[thought.trace_id].append(thought)
    told = {thought.span_id for each in thoughts.values() for thought in each}
    spans: dict[UUID, list[Span]] = defaultdict(list)
    ended = Span.objects.using(ALIAS).filter(trace_id__in=trace_ids, duration_us__isnull=False)
    for span in ended.exclude(model="").defer("search"):
        if span.id not in told and is_call(span):
            spans[span.trace_id].append(span)
    return thoughts, spans


def _money(call: AgentThought | Span) -> _Amounts:
    amount = call.price if isinstance(call, AgentThought) else call.cost
    return amount, call.currency, call.price_id


def _amounts(cost: Cost | None) -> _Amounts:
    return (None, "", None) if cost is None else (cost.total, cost.currency, cost.price_id)


def _cost(call: AgentThought | Span, book: PriceBook) -> Cost | None:
    amount, currency, price_id = _money(call)
    if amount is not None and price_id is None:  # told by whoever made the call
        return Cost(total=amount, currency=currency or "USD")
    usage = TokenUsage(
        input=call.input_tokens,
        output=call.output_tokens,
        cache_read=call.cached_tokens,
        cache_write=call.cache_write_tokens,
        reasoning=call.reasoning_tokens,
    )
    return cost_of_call(usage, book, model=call.model, provider=call.provider, at=call.started_at)


def _put(trace: Trace, said: list[AgentThought], alone: list[Span], costs: dict[UUID, Cost | None]) -> None:
    """Write the costs to the thoughts, and to the spans of all calls."""
    by_span: dict[UUID, list[Cost | None]] = {span.id: [costs[span.id]] for span in alone}
    for thought in said:
        thought.price, thought.currency, thought.price_id = _amounts(costs[thought.id])
        thought.save(using=ALIAS, update_fields=["price", "currency", "price_id"])
        by_span.setdefault(thought.span_id, []).append(costs[thought.id])
    for span in alone:
        span.cost, span.currency, span.price_id = _amounts(costs[span.id])
    for span_id, given in by_span.items():
        _put_on_span(trace, span_id, sum_of(given)[0])


def _put_on_span(trace: Trace, span_id: UUID, total: Cost | None) -> None:
    amount, currency, price_id = _amounts(total)
    Span.objects.using(ALIAS).filter(id=span_id, trace=trace).update(cost=amount, currency=currency, price_id=price_id)
    parts = {} if total is None else {name: total.by_bucket.get(name) for name in BUCKETS}
    told = {name: f"{part:f}" for name, part in parts.items() if isinstance(part, Decimal)}
    if told or total is None:
        SpanPayload.objects.using(ALIAS).filter(span_id=span_id).update(costs=told)


def _count(tallies: Tallies, trace: Trace, said: list[AgentThought], alone: list[Span], *, times: int) -> None:
    tallies.add_trace(trace, times=times)
    for thought in said:
        tallies.add_thought(trace, thought, times=times)
    for span in alone:
        tallies.add_span(trace, span, times=times)
