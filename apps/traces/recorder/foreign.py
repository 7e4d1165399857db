"""A span that a program elsewhere sent, in our words: what every dialect is mapped to, and what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.traces.recorder.usage import TokenUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSpan:
    """One span; times in Unix nanoseconds, ids in lower-case hexadecimal digits (32 and 16 of them)."""

    trace_id: str
    key: str
    parent_key: str = ""
    name: str
    #: A value of Span.Kind.
    kind: str
    started_ns: int
    #: None for a span that was sent before it ended.
    ended_ns: int | None
    #: When the first piece of an answer came.
    first_text_ns: int | None = None
    #: A value of Span.Status: `ok`, `error` or `stopped`.
    status: str = "ok"
    error_code: str = ""
    error_message: str = ""
    #: The name of the service.
    service: str = ""
    #: The app of ours that the key belongs to, if it belongs to one.
    application_id: UUID | None = None
    #: What the trace is called, where a dialect says it on a span other than the root.
    trace_name: str = ""
    session: str = ""
    end_user: str = ""
    environment: str = ""
    release: str = ""
    tags: Sequence[str] = ()
    model: str = ""
    provider: str = ""
    #: None for a span that called no model.
    usage: TokenUsage | None = None
    #: Costs by bucket as the sender reckoned them (decimal strings); they win over our prices.
    costs: Mapping[str, str] = field(default_factory=dict)
    #: Of the costs; and the row of prices that they were reckoned with, where they are ours.
    currency: str = "USD"
    price_id: UUID | None = None
    inputs: Any = None
    outputs: Any = None
    #: As the trace page reads it: `messages`, `parameters`, `tools`, `hits` ...
    process: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    #: `{"name", "at_us", "attributes"}`.
    events: Sequence[Mapping[str, Any]] = ()
    #: `{"trace_id", "span_id", "attributes"}`.
    links: Sequence[Mapping[str, Any]] = ()
