"""What traces and calls of models add to the roll-ups: collected in memory, upserted in one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from apps.traces.models import Trace
from apps.traces.recorder.record import RecordedTrace, TraceRow
from support.histogram import Histogram
from support.ids import uuid7

FAILED = "failed"
#: Neither well nor badly ended.
STOPPED = ("stopped", "incomplete")
#: Thirty days: a sum of longer durations, which broken clocks make, would soon be more than its column holds.
_LONGEST_US = 30 * 86_400 * 1_000_000
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


#: What is counted of a trace, a row of the table has, and a record of one.
TraceFacts = Trace | TraceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a model, as far as it is counted."""

    model: str
    started_at: dt.datetime
    duration_us: int
    first_text_us: int | None
    failed: bool
    #: Input, output, cached, written to a cache, reasoning.
    tokens: tuple[int, ...]
    cost: Decimal | None
    currency: str


class Place(NamedTuple):
    """The row that something counts for: the columns of its unique constraint."""

    team_id: UUID
    grain: str
    dimension: str
    at: dt.datetime
    app: str
    name: str
    source: str
    environment: str
    currency: str


@dataclass(slots=True)
class Tally:
    """Sums for one row."""

    app_name: str
    count: int = 0
    errors: int = 0
    stopped: int = 0
    spans: int = 0
    duration_us: int = 0
    tokens: list[int] = field(default_factory=lambda: [0] * len(_TOKENS))
    cost: Decimal = Decimal(0)
    unpriced_calls: int = 0
    durations: Histogram = field(default_factory=Histogram)
    first_texts: Histogram = field(default_factory=Histogram)


class Tallies:
    """Adds up. `times=-1` takes back what was counted of a trace before it grew."""

    def __init__(self) -> None:
        self._tallies: dict[Place, Tally] = {}

    def add_trace(self, trace: TraceFacts, times: int = 1) -> None:
        """Count a trace for its app and its user."""
        names = [("app", "")]
        if trace.end_user:
            names.append(("user", trace.end_user))
        for tally in self._of(trace, names, at=trace.started_at, currency=trace.currency):
            tally.count += times
            tally.errors += times * (trace.status == FAILED)
            tally.stopped += times * (trace.status in STOPPED)
            tally.spans += times * trace.span_count
            tally.unpriced_calls += times * trace.unpriced_calls
            self._measure(tally, trace.duration_us, trace.first_text_us, times)
            tally.cost += times * Decimal(trace.cost or 0)
            for place, name in enumerate(_TOKENS):
                tally.tokens[place] += times * getattr(trace, name)

    def add_call(self, trace: TraceFacts, call: Call, times: int = 1) -> None:
        """Count a call for its model."""
        for tally in self._of(trace, [("model", call.model)], at=call.started_at, currency=call.currency):
            tally.count += times
            tally.errors += times * call.failed
            tally.unpriced_calls += times * (call.cost is None)
            self._measure(tally, call.duration_us, call.first_text_us, times)
            tally.cost += times * (call.cost or 0)
            for place, count in enumerate(call.tokens):
                tally.tokens[place] += times * count

    def add_thought(self, trace: TraceFacts, thought: Any, times: int = 1) -> None:
        """Count the call of a model that a thought was."""
        call = Call(
            model=thought.model,
            started_at=thought.started_at,
            duration_us=thought.latency_us,
            first_text_us=thought.first_text_us,
            failed=bool(thought.error_code),
            tokens=tuple(getattr(thought, name) for name in _TOKENS),
            cost=None if thought.price is None else Decimal(thought.price),
            currency=thought.currency,
        )
        self.add_call(trace, call, times)

    def add_span(self, trace: TraceFacts, span: Any, times: int = 1) -> None:
        """Count the call of a model that a span was: those from elsewhere may have no thought."""
        call = Call(
            model=span.model,
            started_at=span.started_at,
            duration_us=span.duration_us or 0,
            first_text_us=span.first_text_us,
            failed=span.status == "error",
            tokens=tuple(getattr(span, name) for name in _TOKENS),
            cost=None if span.cost is None else Decimal(span.cost),
            currency=span.currency,
        )
        self.add_call(trace, call, times)

    def rows(self) -> list[dict[str, Any]]:
        """Rows for the table in the order of their key: who writes several locks them in one order."""
        return [_row(place, tally) for place, tally in sorted(self._tallies.items(), key=lambda item: item[0])]

    def _of(
        self, trace: TraceFacts, names: Iterable[tuple[str, str]], *, at: dt.datetime, currency: str
    ) -> Iterable[Tally]:
        hour = at.replace(minute=0, second=0, microsecond=0)
        app = str(trace.application_id) if trace.application_id else trace.application_name
        for dimension, name in names:
            for grain, moment in (("hour", hour), ("day", hour.replace(hour=0))):
                place = Place(
                    trace.team_id, grain, dimension, moment, app, name, trace.source, trace.environment, currency
                )
                found = self._tallies.get(place)
                if found is None:
                    found = self._tallies[place] = Tally(trace.application_name)
                yield found

    @staticmethod
    def _measure(tally: Tally, duration_us: int, first_text_us: int | None, times: int) -> None:
        tally.duration_us += times * min(duration_us, _LONGEST_US)
        tally.durations.add(duration_us, times)
        if first_text_us is not None:
            tally.first_texts.add(first_text_us, times)


def tallies_of(records: Iterable[RecordedTrace]) -> Tallies:
    """What finished runs add: each trace, and each call of a model in it."""
    tallies = Tallies()
    for record in records:
        tallies.add_trace(record.trace)
        for thought in record.thoughts:
            if thought.model:
                tallies.add_thought(record.trace, thought)
    return tallies


def _row(place: Place, tally: Tally) -> dict[str, Any]:
    return {
        "id": uuid7(),
        **place._asdict(),
        "app_name": tally.app_name,
        "count": tally.count,
        "errors": tally.errors,
        "stopped": tally.stopped,
        "spans": tally.spans,
        "duration_us": tally.duration_us,
        **dict(zip(_TOKENS, tally.tokens, strict=True)),
        "cost": f"{tally.cost:f}",
        "unpriced_calls": tally.unpriced_calls,
        "durations": tally.durations.counts,
        "first_texts": tally.first_texts.counts,
    }
