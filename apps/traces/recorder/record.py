"""What a trace is made of before it is written: plain values, one field for each column of the tables."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSpan:
    """A row of spans."""

    id: UUID
    trace_id: UUID
    team_id: UUID
    application_id: UUID | None
    application_name: str
    conversation_id: UUID | None
    session: str
    end_user: str
    environment: str = ""
    release: str = ""
    tags: list[str] = field(default_factory=list)
    key: str
    parent_key: str = ""
    name: str
    kind: str
    node_id: str = ""
    node_type: str = ""
    predecessor: str = ""
    handle: str = ""
    position: int
    index: int | None = None
    started_at: dt.datetime | None = None
    offset_us: int | None = None
    duration_us: int | None = None
    first_text_us: int | None = None
    status: str
    error_code: str = ""
    error_message: str = ""
    error_handled: bool = False
    input_preview: str = ""
    output_preview: str = ""
    model: str = ""
    provider: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    #: Decimal digits, as JSON can carry them without loss.
    cost: str | None = None
    currency: str = ""
    price_id: UUID | None = None
    #: Words as the tsvector type reads them; made last, of values that are fit to be kept.
    search: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPayload:
    """A row of span payloads: the large values, already cut to size."""

    span_id: UUID
    inputs: Any = field(default_factory=dict)
    outputs: Any = field(default_factory=dict)
    process: Any = field(default_factory=dict)
    text: str = ""
    error_details: Any = field(default_factory=dict)
    attributes: Any = field(default_factory=dict)
    events: Any = field(default_factory=list)
    links: Any = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    costs: dict[str, str] = field(default_factory=dict)
    truncated: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedThought:
    """A row of agent thoughts."""

    id: UUID
    trace_id: UUID
    span_id: UUID
    team_id: UUID
    application_id: UUID | None
    conversation_id: UUID | None
    message_id: UUID | None
    position: int
    started_at: dt.datetime
    thought: str = ""
    tool: str = ""
    tool_input: Any = field(default_factory=dict)
    observation: str = ""
    model: str = ""
    provider: str = ""
    parameters: Any = field(default_factory=dict)
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    #: Decimal digits, as JSON can carry them without loss.
    price: str | None = None
    currency: str = ""
    price_id: UUID | None = None
    latency_us: int = 0
    first_text_us: int | None = None
    error_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """A row of traces."""

    id: UUID
    team_id: UUID
    application_id: UUID | None
    application_name: str
    application_slug: str = ""
    version_number: int | None = None
    run_id: UUID | None = None
    external_id: str = ""
    external_parent: str = ""
    root_key: str = ""
    conversation_id: UUID | None = None
    session: str = ""
    message_id: UUID | None = None
    source: str
    end_user: str = ""
    environment: str = ""
    release: str = ""
    name: str
    status: str
    started_at: dt.datetime
    duration_us: int
    first_text_us: int | None
    input_preview: str
    output_preview: str
    input: Any
    output: Any
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    total_tokens: int
    #: Decimal digits, as JSON can carry them without loss.
    cost: str | None = None
    currency: str = ""
    unpriced_calls: int = 0
    models_used: list[str] = field(default_factory=list)
    error_code: str
    error_message: str
    error_details: Any
    span_count: int
    error_count: int
    tags: list[str]
    truncated: dict[str, int]
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTrace:
    """A finished trace, ready to be written."""

    trace: TraceRow
    spans: tuple[RecordedSpan, ...]
    payloads: tuple[RecordedPayload, ...]
    thoughts: tuple[RecordedThought, ...]
