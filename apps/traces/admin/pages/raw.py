"""A trace as JSON: what the Raw tab shows and the download holds."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from apps.traces.models import AgentThought, Span, SpanPayload, Trace

#: Columns that are for finding, not for reading.
_UNSAID = frozenset({"search"})


def trace_as_json(trace: Trace) -> dict[str, Any]:
    """The trace without its spans."""
    return _columns(trace)


def thought_as_json(thought: AgentThought) -> dict[str, Any]:
    """A call of a model."""
    return _columns(thought)


def span_as_json(span: Span, payload: SpanPayload | None) -> dict[str, Any]:
    """A span with its payload beside its columns."""
    body = _columns(span)
    if payload is not None:
        body["payload"] = {name: value for name, value in _columns(payload).items() if name != "span_id"}
    return body


def _columns(row: Model) -> dict[str, Any]:
    return {
        field.attname: _plain(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.attname not in _UNSAID
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return value.isoformat(timespec="microseconds") if hasattr(value, "isoformat") else str(value)
