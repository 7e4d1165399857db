"""W3C trace context: whose trace a request belongs to, and what is passed on to the services that a run asks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from uuid import UUID

#: The longest `tracestate` that is passed on; the standard asks for 512 at least.
MAX_STATE = 512
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(r"[\x20-\x7e\t]*")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """A trace of somebody else, and the span there that caused what happens here."""

    trace_id: str = ""
    span_id: str = ""
    flags: str = "01"
    state: str = ""

    def __bool__(self) -> bool:
        return bool(self.trace_id)

    @property
    def traceparent(self) -> str:
        """The header; empty where there is no trace."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}" if self.trace_id else ""


NO_CONTEXT = TraceContext()


def read_context(traceparent: str, tracestate: str = "") -> TraceContext:
    """The context in two headers. One that cannot be read is as good as none, as the standard says."""
    found = _PARENT.fullmatch(traceparent.strip())
    if found is None:
        return NO_CONTEXT
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return NO_CONTEXT
    state = tracestate.strip()
    kept = state if len(state) <= MAX_STATE and _STATE.fullmatch(state) else ""
    return TraceContext(trace_id=trace_id, span_id=span_id, flags=flags, state=kept)


def context_of(headers: Mapping[str, str]) -> TraceContext:
    """The context of a request."""
    return read_context(headers.get("traceparent", ""), headers.get("tracestate", ""))


def span_of_run(run_id: UUID) -> str:
    """The span id under which others know a run: it is settled before the run begins."""
    return _span_named(f"{run_id}/span/0")


def span_of_step(run_id: UUID, *place: str) -> str:
    """The span id under which others know a step of a run, by its place there: the part of the run, and the node."""
    return _span_named("/".join((f"{run_id}/step", *place)))


def _span_named(name: str) -> str:
    digest = hashlib.sha256(name.encode()).digest()
    random = int.from_bytes(digest[:10], "big") & ((1 << 62) - 1)
    return f"{0b10 << 62 | random:016x}"


def context_of_run(run_id: UUID, caller: TraceContext) -> TraceContext:
    """What the run tells the services it asks: the caller's trace, or one of its own, with the run as the parent."""
    if not caller:
        return TraceContext(trace_id=run_id.hex, span_id=span_of_run(run_id))
    return TraceContext(trace_id=caller.trace_id, span_id=span_of_run(run_id), flags=caller.flags, state=caller.state)


#: What is passed on, and which span it is that sends, where that changes meanwhile.
_Passed = tuple[TraceContext, Callable[[], str]]
_passed_on: ContextVar[_Passed] = ContextVar("passed_on", default=(NO_CONTEXT, str))


@contextmanager
def passing_on(context: TraceContext, *, at: Callable[[], str] = str) -> Iterator[None]:
    """What is sent in here, and in tasks begun in here, carries the context.

    `at` tells the span that a request is sent by, as it is sent; where it tells none, that is the context's own.
    """
    token = _passed_on.set((context, at))
    try:
        yield
    finally:
        _passed_on.reset(token)


def headers_passed_on() -> dict[str, str]:
    """The headers of a request that a run sends; none outside of a run."""
    context, at = _passed_on.get()
    if not context:
        return {}
    context = replace(context, span_id=at() or context.span_id)
    return {"traceparent": context.traceparent, **({"tracestate": context.state} if context.state else {})}
