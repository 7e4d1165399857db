"""What is done to traces before they are written: prices are put on calls, what must not be kept is taken out, and of
those that nobody will miss only a sample goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from apps.traces.models import Trace
from apps.traces.recorder.costs import cost_of_call, priced
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.masked import masked, masked_span
from apps.traces.recorder.record import RecordedTrace
from apps.traces.recorder.shapes import time_of
from apps.traces.selectors.policies import begun_elsewhere, policies_of, reviewed_among
from model_runtime.price_book import PriceBook
from model_runtime.pricing import BUCKETS
from providers.prices import price_book


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """Records as they may be written, and those that are only to be counted."""

    kept: Sequence[RecordedTrace]
    passed_over: Sequence[RecordedTrace]


def treated(records: Iterable[RecordedTrace], *, sampled: bool = True) -> Treated:
    """Treat finished traces. Nothing of them may be written before. Without `sampled` all are kept."""
    given = [priced(record, price_book(record.trace.team_id)) for record in records]
    outside = [record for record in given if not _is_kept(record)] if sampled else []
    reviewed = reviewed_among(record.trace.id for record in outside) if outside else set()
    passed = {record.trace.id for record in outside} - reviewed
    kept = [_masked(record) for record in given if record.trace.id not in passed]
    return Treated(kept=kept, passed_over=[record for record in given if record.trace.id in passed])


def treated_spans(
    team_id: UUID, spans: Iterable[ForeignSpan], *, own: Collection[str] = ()
) -> tuple[list[ForeignSpan], list[ForeignSpan]]:
    """Spans from elsewhere as they may be written, and those that are only to be counted.

    A trace of which something is kept goes on being kept, and all of a batch is that tells of an error. `own` are ids
    of traces that are our runs': they are kept as these are.
    """
    book, policies = price_book(team_id), policies_of(team_id)
    told = [_with_costs(span, book) for span in spans]
    outside = {span.trace_id for span in told if not policies.of(span.application_id).samples(span.trace_id)}
    outside -= set(own)
    if outside:
        outside -= {span.trace_id for span in told if span.status == "error"}
        outside -= begun_elsewhere(team_id, outside)
    kept = [masked_span(span, policies.of(span.application_id).masker) for span in told if span.trace_id not in outside]
    return kept, [span for span in told if span.trace_id in outside]


def _is_kept(record: RecordedTrace) -> bool:
    trace = record.trace
    # Whoever compares two versions looks at both traces of any item.
    if trace.status != "succeeded" or trace.error_count or trace.source == Trace.Source.EXPERIMENT:
        return True
    return policies_of(trace.team_id).of(trace.application_id).samples(str(trace.id))


def _masked(record: RecordedTrace) -> RecordedTrace:
    return masked(record, policies_of(record.trace.team_id).of(record.trace.application_id).masker)


def _with_costs(span: ForeignSpan, book: PriceBook) -> ForeignSpan:
    if span.usage is None or span.costs or not span.model:
        return span
    at = time_of(max(0, span.started_ns // 1000))
    cost = cost_of_call(span.usage, book, model=span.model, provider=span.provider, at=at)
    if cost is None:
        return span
    parts = {name: f"{cost.by_bucket[name]:f}" for name in BUCKETS if name in cost.by_bucket} or {"input": "0"}
    return replace(span, costs=parts, currency=cost.currency, price_id=cost.price_id)
