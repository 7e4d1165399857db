"""Finds spans that repeat the tokens of the calls inside them, so that a trace counts each call once. Pure.

Two instrumentations of one program (of a framework and of the client that it uses) both tell of one call: the outer
span wraps the inner one and has the same counts, or the sum of several. The inner ones are the calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from apps.traces.models import Span
from apps.traces.recorder.record import RecordedSpan

#: What wrapped calls and their wrappers may be; an embedding inside a call is another call.
KINDS = frozenset({"llm", "other"})
#: What a wrapper is once it is known to be one.
WRAPPER = "chain"
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Counted:
    """What is looked at of a span."""

    id: UUID
    key: str
    parent_key: str
    kind: str
    input_tokens: int
    output_tokens: int
    #: A step of a run of ours: what others tell of its call is told twice.
    is_own: bool

    @classmethod
    def of(cls, span: Span | RecordedSpan) -> Counted:
        """The counts of a span, stored or not."""
        return cls(
            span.id, span.key, span.parent_key, span.kind, span.input_tokens, span.output_tokens, bool(span.node_id)
        )


def wrappers(spans: Iterable[Span | RecordedSpan]) -> set[UUID]:
    """The ids of those spans of one trace whose tokens are those of calls below them, or of the step of ours above."""
    given = [Counted.of(span) for span in spans]
    by_key = {span.key: span for span in given}
    inside: dict[UUID, list[Counted]] = {}
    for span in given:
        outer = _outer(span, by_key) if _is_counted(span) else None
        if outer is not None:
            inside.setdefault(outer.id, []).append(span)
    found: set[UUID] = set()
    for span in given:
        calls = inside.get(span.id, [])
        if calls and _repeats(span, calls):
            found |= {call.id for call in calls} if span.is_own else {span.id}
    return found


def _outer(span: Counted, by_key: dict[str, Counted]) -> Counted | None:
    """The nearest span above that has counts too."""
    above = by_key.get(span.parent_key)
    for _ in range(_DEEPEST):
        if above is None or above is span:
            return None
        if _is_counted(above):
            return above
        above = by_key.get(above.parent_key)
    return None


def _is_counted(span: Counted) -> bool:
    return span.kind in KINDS and bool(span.input_tokens or span.output_tokens)


def _repeats(outer: Counted, calls: list[Counted]) -> bool:
    counts = (outer.input_tokens, outer.output_tokens)
    if any((call.input_tokens, call.output_tokens) == counts for call in calls):
        return True
    return (sum(call.input_tokens for call in calls), sum(call.output_tokens for call in calls)) == counts
