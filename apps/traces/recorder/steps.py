"""One step of a run as rows: its payload, its previews, its thought."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from apps.traces.recorder import reading
from apps.traces.recorder.caps import capped, capped_text, preview
from apps.traces.recorder.notes import StepNotes
from apps.traces.recorder.record import RecordedPayload, RecordedSpan, RecordedThought
from apps.traces.recorder.shapes import cut_sizes, error_details, short
from apps.workflows.engine.events import BROKEN_OFF


def payload_of(step: StepNotes, *, span_id: UUID) -> RecordedPayload:
    """The large values of a step, cut to size."""
    inputs, inputs_size = capped(step.inputs)
    outputs, outputs_size = capped(step.outputs)
    process, process_size = capped(step.process)
    text, text_size = capped_text(step.written.joined())
    if step.written.was_cut:
        text_size = step.written.length
    if text and isinstance(outputs, dict) and outputs.get("text") == text:
        text = ""  # the outputs hold it already
    return RecordedPayload(
        span_id=span_id,
        inputs=inputs,
        outputs=outputs,
        process=process,
        text=text,
        error_details=error_details(step.error),
        truncated=cut_sizes(inputs=inputs_size, outputs=outputs_size, process=process_size, text=text_size),
    )


def thought_of(
    span: RecordedSpan,
    payload: RecordedPayload,
    *,
    id: UUID,
    position: int,
    started_at: dt.datetime,
    message_id: UUID | None,
) -> RecordedThought:
    """The call of a model that a step was."""
    outputs = payload.outputs if isinstance(payload.outputs, dict) else {}
    process = payload.process if isinstance(payload.process, dict) else {}
    return RecordedThought(
        id=id,
        trace_id=span.trace_id,
        span_id=span.id,
        team_id=span.team_id,
        application_id=span.application_id,
        conversation_id=span.conversation_id,
        message_id=message_id,
        position=position,
        started_at=started_at,
        thought=str(outputs.get("text") or payload.text),
        tool=short(reading.tools_called(outputs), 200),
        model=span.model,
        provider=span.provider,
        parameters=reading.parameters_of(process),
        finish_reason=short(str(process.get("finish_reason") or outputs.get("finish_reason") or ""), 50),
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        cached_tokens=span.cached_tokens,
        cache_write_tokens=span.cache_write_tokens,
        reasoning_tokens=span.reasoning_tokens,
        price=span.cost,
        currency=span.currency,
        price_id=span.price_id,
        latency_us=span.duration_us or 0,
        first_text_us=span.first_text_us,
        error_code="" if span.status == "stopped" else span.error_code,
    )


def status_of(step: StepNotes) -> str:
    """How the step ended; `stopped` where its log has no end, or it was broken off because its run ended."""
    if step.failed:
        return "stopped" if step.error is not None and step.error.code == BROKEN_OFF else "error"
    return "ok" if step.ended_us is not None else "stopped"


def input_preview(payload: RecordedPayload) -> str:
    """What a person would call the input: the last thing said to a model, else the node's inputs."""
    process = payload.process if isinstance(payload.process, dict) else {}
    messages = reading.messages_of(process)
    return preview(messages[-1]["text"]) if messages else preview(payload.inputs)


def output_preview(payload: RecordedPayload) -> str:
    """What a person would call the output: text where there is some, else what was found, else the outputs."""
    outputs = payload.outputs if isinstance(payload.outputs, dict) else {}
    text = outputs.get("text") or payload.text
    if isinstance(text, str) and text:
        return preview(text)
    found = reading.passages_of({}, outputs)
    texts = [str(passage["text"]) for passage in found if passage.get("text")]
    return preview(" · ".join(text[:80] for text in texts[:4])) if texts else preview(payload.outputs)
