"""Makes our span of one from the wire: every dialect that recognises something has its say, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.traces.dialects import genai, generic, langfuse, logfire, openinference, openllmetry, vercel
from apps.traces.dialects.facts import Facts, together
from apps.traces.dialects.tokens import settled
from apps.traces.dialects.values import text_of
from apps.traces.dialects.wire import WireSpan
from apps.traces.recorder.foreign import ForeignSpan


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of clients speaks: the first words of its attributes, and who understands them."""

    prefixes: frozenset[str]
    read: Callable[[WireSpan], Facts]


#: Those that say more about a span come first: their word counts where several speak.
DIALECTS: tuple[Dialect, ...] = (
    Dialect(langfuse.PREFIXES, langfuse.read),
    Dialect(vercel.PREFIXES, vercel.read),
    Dialect(openinference.PREFIXES, openinference.read),
    Dialect(logfire.PREFIXES, logfire.read),
    Dialect(openllmetry.PREFIXES, openllmetry.read),
    Dialect(genai.PREFIXES, genai.read),
)
#: Calls of a model, which alone have tokens of their own: agents and chains repeat the sums of what is inside them.
_CALLS = frozenset({"llm", "embedding", "reranker", "evaluator", "guardrail"})
#: Counts that are kept as they came beside the settled ones.
_COUNTED = ("gen_ai.usage.", "llm.token_count.", "ai.usage.")
#: What is the same for every span of a process is kept on the spans that begin something.
_OF_THE_PROCESS = ("telemetry.", "process.", "host.", "os.", "service.", "deployment.environment", "logfire.")


def foreign_span(span: WireSpan, *, application_id: UUID | None = None) -> ForeignSpan:
    """The span in our words."""
    words = {name.partition(".")[0] for name in span.attributes}
    found = [dialect.read(span) for dialect in DIALECTS if not dialect.prefixes.isdisjoint(words)]
    facts, spent = together([*found, generic.read(span)])
    counts = facts.pop("counts", None)
    kind = _kind(facts.pop("kind"), facts.get("model"))
    if kind in _CALLS or (kind == "other" and counts is not None):
        facts["usage"] = settled(counts) if counts is not None else None
        spent.extend(_COUNTED if counts is not None else ())
    else:
        facts.pop("costs", None)
    ended = span.end_ns if span.end_ns else None
    return ForeignSpan(
        trace_id=span.trace_id,
        key=span.span_id,
        parent_key=span.parent_id,
        name=facts.pop("name", "") or span.name or span.span_id,
        kind=kind,
        started_ns=span.start_ns,
        # Clocks that went back: a span that ended before it began took no time.
        ended_ns=None if ended is None else max(ended, span.start_ns),
        first_text_ns=_within(facts.pop("first_text_ns", None), span),
        status=facts.pop("status", "") or ("ok" if ended is not None else "stopped"),
        service=text_of(span.origin.resource.get("service.name")),
        application_id=application_id,
        attributes=_left(span, spent),
        events=[_event(each, span.start_ns) for each in span.events] if span.events else (),
        links=[
            {"trace_id": each.trace_id, "span_id": each.span_id, "attributes": dict(each.attributes)}
            for each in span.links
        ]
        if span.links
        else (),
        **facts,
    )


def _kind(kind: str, model: str | None) -> str:
    return "llm" if kind == "other" and model else kind


def _within(moment: int | None, span: WireSpan) -> int | None:
    """A moment inside the span, None for one that is not."""
    if moment is None or moment < span.start_ns or (span.end_ns and moment > span.end_ns):
        return None
    return moment


def _left(span: WireSpan, spent: list[str]) -> dict[str, Any]:
    """The attributes that no fact says already, and who sent them."""
    names = frozenset(spent)
    beginnings = tuple(name for name in names if name.endswith("."))
    left: dict[str, Any] = {
        name: value
        for name, value in span.attributes.items()
        if name not in names and not (beginnings and name.startswith(beginnings))
    }
    resource = span.origin.resource
    if span.parent_id:
        resource = {name: value for name, value in resource.items() if not name.startswith(_OF_THE_PROCESS)}
    if resource:
        left["resource"] = dict(resource)
    if span.origin.scope:
        left["scope"] = " ".join(filter(None, (span.origin.scope, span.origin.scope_version)))
    return left


def _event(event: Any, zero_ns: int) -> Mapping[str, Any]:
    return {"name": event.name, "at_us": (event.at_ns - zero_ns) // 1000, "attributes": dict(event.attributes)}
