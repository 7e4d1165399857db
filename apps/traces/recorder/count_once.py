"""Takes the tokens from stored spans that turn out to wrap the calls below them, and from the sums that had them."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable
from decimal import Decimal
from uuid import UUID

from apps.traces.models import AgentThought, Span, SpanPayload, Trace
from apps.traces.recorder.tables import ALIAS
from apps.traces.recorder.wrappers import KINDS, TOKENS, WRAPPER, wrappers

#: Of longer traces no more is looked at for each batch.
MOST_SPANS = 5_000


def found_wrappers(trace_ids: Collection[UUID]) -> list[Span]:
    """The spans of these traces, as they were stored, that only repeat calls below them."""
    rows: dict[UUID, list[Span]] = {}
    names = ("id", "trace_id", "key", "parent_key", "kind", "node_id", "model", "status", "started_at", "duration_us")
    seen = Span.objects.using(ALIAS).filter(trace_id__in=trace_ids, duration_us__isnull=False)
    for span in seen.only(*names, "first_text_us", "cost", "currency", *TOKENS).order_by()[:MOST_SPANS]:
        rows.setdefault(span.trace_id, []).append(span)
    return [span for spans in rows.values() for span in spans if span.id in wrappers(spans)]


def strip(spans: Iterable[Span]) -> None:
    """They stay in the tree as what they are: something around calls, with no tokens and no cost of its own."""
    ids = [span.id for span in spans]
    Span.objects.using(ALIAS).filter(id__in=ids).update(
        kind=WRAPPER, cost=None, currency="", price_id=None, **dict.fromkeys(TOKENS, 0)
    )
    SpanPayload.objects.using(ALIAS).filter(span_id__in=ids).update(costs={})
    AgentThought.objects.using(ALIAS).filter(span_id__in=ids).delete()


def without(trace: Trace, spans: Iterable[Span]) -> Trace:
    """The trace as it would be had these spans never been counted."""
    left = copy.copy(trace)
    for span in spans:
        for name in TOKENS:
            setattr(left, name, max(0, getattr(left, name) - getattr(span, name)))
        if span.cost is not None and span.currency == left.currency and left.cost is not None:
            left.cost = max(Decimal(0), left.cost - span.cost)
        elif span.model and span.kind in KINDS:
            left.unpriced_calls = max(0, left.unpriced_calls - 1)
    return left
