"""A step of an agent, as it told it, as a row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from apps.traces.recorder.caps import capped, capped_text
from apps.traces.recorder.record import RecordedSpan, RecordedThought
from apps.traces.recorder.shapes import short

#: The longest that one step is believed to have taken.
_LONGEST_S = 30 * 24 * 3600.0


def told_thought(
    span: RecordedSpan, body: Mapping[str, Any], *, id: UUID, position: int, message_id: UUID | None
) -> RecordedThought:
    """The row; what the note does not say is left empty."""
    usage = body.get("usage")
    tokens: Mapping[str, Any] = usage if isinstance(usage, Mapping) else {}
    parameters = body.get("parameters")
    price = _price(body.get("price"))
    return RecordedThought(
        id=id,
        trace_id=span.trace_id,
        span_id=span.id,
        team_id=span.team_id,
        application_id=span.application_id,
        conversation_id=span.conversation_id,
        message_id=message_id,
        position=position,
        started_at=_time(body.get("started_at")) or span.started_at or dt.datetime.fromtimestamp(0, dt.UTC),
        thought=capped_text(str(body.get("thought") or ""))[0],
        tool=short(str(body.get("tool") or ""), 200),
        tool_input=capped(body.get("tool_input") or {})[0],
        observation=capped_text(str(body.get("observation") or ""))[0],
        model=short(str(body.get("model") or "")),
        provider=short(str(body.get("provider") or ""), 100),
        parameters=dict(parameters) if isinstance(parameters, Mapping) else {},
        finish_reason=short(str(body.get("finish_reason") or ""), 50),
        input_tokens=_count(tokens.get("input_tokens")),
        output_tokens=_count(tokens.get("output_tokens")),
        cached_tokens=_count(tokens.get("cached_input_tokens")),
        cache_write_tokens=_count(tokens.get("cache_write_tokens")),
        reasoning_tokens=_count(tokens.get("reasoning_tokens")),
        price=price,
        currency=str(body.get("currency") or "")[:3] if price is not None else "",
        latency_us=round(_seconds(body.get("latency")) * 1_000_000),
        error_code=short(str(body.get("error") or ""), 100),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _seconds(value: Any) -> float:
    return min(max(0.0, float(value)), _LONGEST_S) if isinstance(value, (int, float)) else 0.0


def _time(value: Any) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(value, dt.UTC) if isinstance(value, (int, float)) and 0 < value < 1e11 else None


def _price(value: Any) -> str | None:
    try:
        price = Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None
    return f"{price:f}" if price is not None and price.is_finite() and abs(price) < 10**9 else None
