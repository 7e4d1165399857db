"""Our own traces as OTLP, in the words of the GenAI semantic conventions. Pure: rows in, bytes out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.traces.dialects.outgoing_attributes import attributes_of_root, attributes_of_span

SCHEMA = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_INTERNAL, _SERVER, _CLIENT = 1, 2, 3
_ASKS_ELSEWHERE = frozenset({"llm", "embedding", "reranker", "http"})
_OK, _ERROR = 1, 2
_LARGEST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingTrace:
    """A trace with its rows; they are read by the names of their columns. `payloads` is by the id of the span."""

    trace: Any
    spans: Sequence[Any]
    payloads: Mapping[Any, Any]


def encoded(traces: Iterable[OutgoingTrace], *, version: str, with_content: bool) -> bytes:
    """One export. Without content, what people and models said and what steps were given stays here."""
    request = ExportTraceServiceRequest()
    for told in traces:
        trace = told.trace
        group = request.resource_spans.add()
        resource = {
            "service.name": trace.application_slug or trace.application_name,
            "service.namespace": "skep",
            "service.version": str(trace.version_number or ""),
            "deployment.environment.name": trace.environment,
            "telemetry.sdk.name": "skep",
            "telemetry.sdk.version": version,
        }
        _put(group.resource.attributes, resource)
        scoped = group.scope_spans.add()
        scoped.scope.name, scoped.scope.version, scoped.schema_url = "skep", version, SCHEMA
        for span in told.spans:
            if span.started_at is not None:
                _add(scoped.spans.add(), told, span, with_content=with_content)
    body: bytes = request.SerializeToString()
    return body


def trace_id_of(trace: Any) -> str:
    """The id by which others know the trace."""
    return str(trace.external_id or trace.id.hex)


def _add(target: Any, told: OutgoingTrace, span: Any, *, with_content: bool) -> None:
    trace = told.trace
    is_root = not span.parent_key
    payload = told.payloads.get(span.id) if with_content else None
    start = _nanoseconds(span.started_at)
    target.trace_id = bytes.fromhex(trace_id_of(trace))
    target.span_id = bytes.fromhex(span.key)
    target.parent_span_id = bytes.fromhex(trace.external_parent if is_root else span.parent_key)
    target.name = _name(span)
    target.kind = _SERVER if is_root else _CLIENT if span.kind in _ASKS_ELSEWHERE else _INTERNAL
    target.start_time_unix_nano = start
    target.end_time_unix_nano = start + (span.duration_us or 0) * 1000
    attributes = attributes_of_root(trace, payload) if is_root else attributes_of_span(trace, span, payload)
    _put(target.attributes, attributes)
    if span.status == "error":
        target.status.code, target.status.message = _ERROR, span.error_message[:1_000]
        # A failed step of a run that went on by another way is no failure of its callers.
        _put(target.attributes, {"error.type": span.error_code or "error"})
    elif span.status == "ok":
        target.status.code = _OK


def _name(span: Any) -> str:
    """`chat gpt-4o` as the conventions ask, and the step's own name otherwise."""
    if span.kind == "llm" and span.model:
        return f"chat {span.model}"
    return str(span.name or span.node_id or span.kind)


def _nanoseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) * 1000


def _put(target: Any, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if value is not None and value != "" and value != []:
            pair = target.add()
            pair.key = name
            _set(pair.value, value)


def _set(target: Any, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int) and -_LARGEST <= value < _LARGEST:
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        for each in value:
            target.array_value.values.add().string_value = each
    else:
        # Structures travel as JSON text, which every back end reads.
        target.string_value = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
