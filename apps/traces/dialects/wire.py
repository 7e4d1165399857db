"""A span as OTLP has it, whichever encoding it came in, and what makes one unacceptable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: 2000-01-01 and 2100-01-01: whatever lies outside is no time that a program meant.
EARLIEST_NS = 946_684_800 * 10**9
LATEST_NS = 4_102_444_800 * 10**9
#: Deeper values than this are kept as text.
DEEPEST = 24
#: Events and links of one span that are kept.
MOST_EVENTS = 256


class Unreadable(ValueError):
    """The body as a whole cannot be read; nothing of it was taken."""


class SpanRefused(ValueError):
    """One span cannot be taken; the message says why, and its neighbours are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireEvent:
    """Something that happened during a span."""

    name: str
    at_ns: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLink:
    """Another span that this one has to do with."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who made a group of spans: the service, and the library inside it."""

    resource: Mapping[str, Any]
    scope: str = ""
    scope_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireSpan:
    """One span; ids in lower-case hexadecimal digits, times in Unix nanoseconds (0: not said)."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    #: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    kind: int
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any]
    events: Sequence[WireEvent] = ()
    links: Sequence[WireLink] = ()
    #: 0 unset, 1 ok, 2 error.
    status: int = 0
    status_message: str = ""
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The spans of one request that can be taken, and why the others cannot."""

    spans: Sequence[WireSpan]
    refused: Sequence[str] = ()


def checked(span: WireSpan) -> WireSpan:
    """The span. Raises SpanRefused when its ids or its start mean nothing."""
    if len(span.trace_id) != 32 or span.trace_id == "0" * 32:
        raise SpanRefused(f"A trace id has 32 hexadecimal digits, not all of them 0: {_shown(span.trace_id)}.")
    if len(span.span_id) != 16 or span.span_id == "0" * 16:
        raise SpanRefused(f"A span id has 16 hexadecimal digits, not all of them 0: {_shown(span.span_id)}.")
    if span.parent_id and len(span.parent_id) != 16:
        raise SpanRefused(f"A parent's id has 16 hexadecimal digits: {_shown(span.parent_id)}.")
    if not EARLIEST_NS <= span.start_ns < LATEST_NS:
        raise SpanRefused(f"A span starts between 2000 and 2100, in Unix nanoseconds: {span.start_ns}.")
    return span


def _shown(given: str) -> str:
    return repr(given if len(given) <= 40 else f"{given[:40]}…")
