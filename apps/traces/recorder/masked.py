"""Takes secrets and personal data out of a trace's rows, and out of spans from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from apps.traces.masking.masker import Masker
from apps.traces.recorder.caps import capped, preview
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.recorder.record import RecordedPayload, RecordedSpan, RecordedThought, RecordedTrace, TraceRow
from apps.traces.recorder.steps import input_preview, output_preview

_PAYLOAD = ("inputs", "outputs", "process", "error_details", "attributes", "events", "links")
_FOREIGN_TEXTS = ("name", "trace_name", "text", "error_code", "error_message")
_FOREIGN = ("inputs", "outputs", "process", "attributes", "events", "links")


def masked(record: RecordedTrace, masker: Masker) -> RecordedTrace:
    """The record without what must not be kept. Names of apps, nodes, models and users are left alone."""
    payloads = {payload.span_id: (payload, _payload(payload, masker)) for payload in record.payloads}
    root = record.spans[0].id if record.spans else None
    trace = _trace(record.trace, masker)
    return replace(
        record,
        trace=trace,
        spans=tuple(
            _root(span, trace, masker) if span.id == root else _span(span, payloads.get(span.id), masker)
            for span in record.spans
        ),
        payloads=tuple(after for _before, after in payloads.values()),
        thoughts=tuple(_thought(thought, masker) for thought in record.thoughts),
    )


def masked_span(span: ForeignSpan, masker: Masker) -> ForeignSpan:
    """A span from elsewhere without what must not be kept."""
    changes: dict[str, Any] = {name: _value(masker, getattr(span, name)) for name in _FOREIGN}
    changes |= {name: masker.text(getattr(span, name)) for name in _FOREIGN_TEXTS}
    if span.tags:
        changes["tags"] = _value(masker, list(span.tags))
    return replace(span, **{name: value for name, value in changes.items() if value is not getattr(span, name)})


def _value(masker: Masker, value: Any) -> Any:
    try:
        return masker.value(value)
    except (orjson.JSONEncodeError, RecursionError):  # too deep, or text that is none: as it will be kept
        return masker.value(capped(value)[0])


def _payload(payload: RecordedPayload, masker: Masker) -> RecordedPayload:
    changes: dict[str, Any] = {name: _value(masker, getattr(payload, name)) for name in _PAYLOAD}
    changes["text"] = masker.text(payload.text)
    changes = {name: value for name, value in changes.items() if value is not getattr(payload, name)}
    return replace(payload, **changes) if changes else payload


def _span(span: RecordedSpan, payload: tuple[RecordedPayload, RecordedPayload] | None, masker: Masker) -> RecordedSpan:
    changes = _error(span, masker)
    if payload is None:
        changes |= {name: masker.text(getattr(span, name)) for name in ("input_preview", "output_preview")}
    elif payload[0] is not payload[1]:
        # Made anew and not masked: a preview may end in the middle of a key, where no rule would know it.
        changes |= {"input_preview": input_preview(payload[1]), "output_preview": output_preview(payload[1])}
    return replace(span, **changes) if changes else span


def _root(span: RecordedSpan, trace: TraceRow, masker: Masker) -> RecordedSpan:
    return replace(span, input_preview=trace.input_preview, output_preview=trace.output_preview, **_error(span, masker))


def _trace(trace: TraceRow, masker: Masker) -> TraceRow:
    changes = _error(trace, masker)
    details = _value(masker, trace.error_details)
    if details is not trace.error_details:
        changes["error_details"] = details
    input_, output = _value(masker, trace.input), _value(masker, trace.output)
    if input_ is not trace.input:
        changes |= {"input": input_, "input_preview": _first_told(input_, "query", "inputs")}
    if output is not trace.output:
        changes |= {"output": output, "output_preview": _first_told(output, "answer", "outputs")}
    return replace(trace, **changes) if changes else trace


def _thought(thought: RecordedThought, masker: Masker) -> RecordedThought:
    changes: dict[str, Any] = {name: masker.text(getattr(thought, name)) for name in ("thought", "observation")}
    changes |= {name: _value(masker, getattr(thought, name)) for name in ("tool_input", "parameters")}
    changes = {name: value for name, value in changes.items() if value is not getattr(thought, name)}
    return replace(thought, **changes) if changes else thought


def _error(row: RecordedSpan | TraceRow, masker: Masker) -> dict[str, Any]:
    message = masker.text(row.error_message)
    return {} if message is row.error_message else {"error_message": message}


def _first_told(value: Any, *names: str) -> str:
    if not isinstance(value, Mapping):
        return preview(value)
    return next((told for name in names if (told := preview(value.get(name)))), "")
