"""Makes rows of spans from elsewhere: the span, its payload cut to size, and a thought where it called a model."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.traces.recorder.caps import capped, capped_text
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.record import RecordedPayload, RecordedSpan, RecordedThought
from apps.traces.recorder.shapes import cut_sizes, short, stable_id, time_of
from apps.traces.recorder.steps import input_preview, output_preview, thought_of
from apps.traces.recorder.usage import TokenUsage

#: Kinds that are calls of a model which says something.
SPEAKING = "llm"
_MOST_EVENTS, _MOST_LINKS = 500, 100
_LATEST_US = 253_000_000_000 * 1_000_000
_MOST = 1 << 62
#: No call costs more, and sums of what is less fit their columns.
_DEAREST = Decimal(10**6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the trace says about all of its spans."""

    trace_id: UUID
    team_id: UUID
    started_at: dt.datetime
    application_id: UUID | None
    application_name: str
    session: str
    end_user: str
    environment: str
    release: str
    tags: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRows:
    """The rows of one span."""

    span: RecordedSpan
    payload: RecordedPayload
    thought: RecordedThought | None


def micros(nanoseconds: int) -> int:
    """Unix microseconds, within the years that a calendar has."""
    return min(max(0, nanoseconds // 1000), _LATEST_US)


def rows_of(given: ForeignSpan, setting: Setting) -> ForeignRows:
    """The rows, with an id that follows from the trace, the key and the start: sent again it is the same."""
    started_us = micros(given.started_ns)
    started_at = time_of(started_us)
    span_id = stable_id(setting.trace_id, of=f"span {given.key}", position=given.started_ns, at_us=started_us)
    payload = _payload(given, span_id)
    ended = given.ended_ns is not None
    span = RecordedSpan(
        id=span_id,
        trace_id=setting.trace_id,
        team_id=setting.team_id,
        application_id=given.application_id or setting.application_id,
        application_name=short(given.service) or setting.application_name,
        conversation_id=None,
        session=short(given.session) or setting.session,
        end_user=short(given.end_user) or setting.end_user,
        environment=short(given.environment, 100) or setting.environment,
        release=short(given.release, 100) or setting.release,
        tags=tags_of(given.tags) or setting.tags,
        key=given.key,
        parent_key=given.parent_key,
        name=short(given.name),
        kind=given.kind,
        position=0,
        started_at=started_at,
        offset_us=max(0, (started_at - setting.started_at) // dt.timedelta(microseconds=1)),
        duration_us=max(0, micros(given.ended_ns) - started_us) if given.ended_ns is not None else None,
        first_text_us=None if given.first_text_ns is None else max(0, micros(given.first_text_ns) - started_us),
        status=given.status if ended or given.status == "error" else "stopped",
        error_code=short(given.error_code, 100),
        error_message=capped_text(given.error_message)[0],
        input_preview=input_preview(payload),
        output_preview=output_preview(payload),
        model=short(given.model),
        provider=short(given.provider, 100),
        **token_columns(given.usage),
        **_cost_columns(given),
    )
    return ForeignRows(span=span, payload=payload, thought=_thought(given, span, payload) if ended else None)


def tags_of(tags: Any) -> list[str]:
    """Tags as they are kept: each once, short, and not too many."""
    return list(dict.fromkeys(short(str(tag), 100) for tag in list(tags)[:50]))


def token_columns(usage: TokenUsage | None) -> dict[str, Any]:
    """The token counts of a call, zeros for what called no model."""
    used = usage or TokenUsage()
    counts = {
        "input_tokens": used.input,
        "output_tokens": used.output,
        "cached_tokens": used.cache_read,
        "cache_write_tokens": used.cache_write,
        "reasoning_tokens": used.reasoning,
    }
    return {name: min(max(0, count), _MOST) for name, count in counts.items()}


def _cost_columns(given: ForeignSpan) -> dict[str, Any]:
    """A total that was told is the cost; else the sum of its parts is."""
    if not given.costs:
        return {"cost": None, "currency": ""}
    total = Decimal(given.costs.get("total") or sum(map(Decimal, given.costs.values())))
    return {"cost": f"{min(total, _DEAREST):f}", "currency": given.currency, "price_id": given.price_id}


def _payload(given: ForeignSpan, span_id: UUID) -> RecordedPayload:
    inputs, inputs_size = capped({} if given.inputs is None else given.inputs)
    outputs, outputs_size = capped({} if given.outputs is None else given.outputs)
    process, process_size = capped(given.process)
    text, text_size = capped_text(given.text)
    if text and isinstance(outputs, dict) and outputs.get("text") == text:
        text = ""  # the outputs hold it already
    attributes, attributes_size = capped(given.attributes)
    events, events_size = capped(list(given.events)[:_MOST_EVENTS])
    usage = given.usage.given if given.usage is not None else {}
    return RecordedPayload(
        span_id=span_id,
        inputs=inputs,
        outputs=outputs,
        process=process,
        text=text,
        attributes=attributes,
        events=events,
        links=capped(list(given.links)[:_MOST_LINKS])[0],
        usage=capped(dict(usage))[0],
        costs=dict(given.costs),
        truncated=cut_sizes(
            inputs=inputs_size,
            outputs=outputs_size,
            process=process_size,
            text=text_size,
            attributes=attributes_size,
            events=events_size,
        ),
    )


def _thought(given: ForeignSpan, span: RecordedSpan, payload: RecordedPayload) -> RecordedThought | None:
    """The call of a model that the span was; its place among the others is its start."""
    if given.kind != SPEAKING or span.started_at is None:
        return None
    started_us = micros(given.started_ns)
    return thought_of(
        span,
        payload,
        id=stable_id(span.trace_id, of=f"thought {given.key}", position=given.started_ns, at_us=started_us),
        position=0,
        started_at=span.started_at,
        message_id=None,
    )
