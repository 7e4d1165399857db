"""Which trace called a run, and which runs were called from a trace: they share an id that a `traceparent` carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.traces.models import Span, Trace
from apps.traces.selectors.traces import LARGE, as_uuid

#: Runs called from one trace that its page names; a list has all of them.
MOST_CALLED = 10
#: Traces of one id in which the calling span is looked for.
_MOST_CANDIDATES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever called a run: the ids that came with the call, and trace and span where they are here."""

    trace_id: str
    span_key: str
    trace: Trace | None = None
    span_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A run that was called from a trace, and the span there that called it, where that is here."""

    trace: Trace
    span_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The runs called from a trace, first ones first. `more` are there beyond those; `trace_id` finds all of them."""

    called: Sequence[Called]
    more: bool
    trace_id: str


def caller_of(trace: Trace) -> Caller | None:
    """Who called the run of this trace; None where nobody said so."""
    if trace.run_id is None or not trace.external_id:
        return None
    named = Q(external_id=trace.external_id)
    if own := as_uuid(trace.external_id):
        named |= Q(id=own, run_id=own)
    rows = Trace.objects.filter(named, team_id=trace.team_id).exclude(id=trace.id).defer(*LARGE)
    candidates = {each.id: each for each in rows.order_by("started_at", "id")[:_MOST_CANDIDATES]}
    owner = _owners(candidates, [trace.external_parent]).get(trace.external_parent)
    if owner is not None:
        found: Trace | None = candidates[owner[0]]
    else:  # its spans may come later; the trace itself is no other run with the same caller
        found = next((each for each in candidates.values() if each.run_id is None or each.id == own), None)
    return Caller(
        trace_id=trace.external_id,
        span_key=trace.external_parent,
        trace=found,
        span_id=owner[1] if owner else None,
    )


def calls_of(trace: Trace) -> Calls:
    """The runs that this trace called, not those that these called in turn."""
    ids = [each for each in (trace.external_id, trace.run_id.hex if trace.run_id else "") if each]
    rows = Trace.objects.filter(team_id=trace.team_id, external_id__in=ids, run_id__isnull=False)
    found = list(rows.exclude(id=trace.id).defer(*LARGE).order_by("started_at", "id")[: _MOST_CANDIDATES + 1])
    if not found:
        return Calls(called=(), more=False, trace_id="")
    owners = _owners([trace.id, *(each.id for each in found)], [each.external_parent for each in found])
    called = []
    for each in found:
        owner = owners.get(each.external_parent)
        if owner is None and trace.run_id is None:
            called.append(Called(trace=each, span_id=None))
        elif owner is not None and owner[0] == trace.id:
            called.append(Called(trace=each, span_id=owner[1]))
    return Calls(called=called[:MOST_CALLED], more=len(called) > MOST_CALLED, trace_id=found[0].external_id)


def _owners(trace_ids: Sequence[UUID] | dict[UUID, Trace], keys: Sequence[str]) -> dict[str, tuple[UUID, UUID]]:
    """Key -> the trace and the span that have it."""
    spans = Span.objects.filter(trace_id__in=list(trace_ids), key__in=set(keys)).order_by()
    return {key: (trace_id, span_id) for key, trace_id, span_id in spans.values_list("key", "trace_id", "id")}
