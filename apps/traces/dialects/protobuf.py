"""Reads a trace export in protobuf."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.traces.dialects.wire import (
    DEEPEST,
    MOST_EVENTS,
    Batch,
    Origin,
    SpanRefused,
    Unreadable,
    WireEvent,
    WireLink,
    WireSpan,
    checked,
)


def read_protobuf(body: bytes) -> Batch:
    """The spans of a body. Raises Unreadable."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as exc:
        raise Unreadable("The body is not an ExportTraceServiceRequest in protobuf.") from exc
    spans, refused = [], []
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scoped in group.scope_spans:
            origin = Origin(resource=resource, scope=scoped.scope.name, scope_version=scoped.scope.version)
            for span in scoped.spans:
                try:
                    spans.append(checked(_span(span, origin)))
                except SpanRefused as exc:
                    refused.append(str(exc))
    return Batch(spans=spans, refused=refused)


def _span(span: Any, origin: Origin) -> WireSpan:
    parent = span.parent_span_id
    return WireSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=parent.hex() if parent.strip(b"\0") or len(parent) not in (0, 8) else "",
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[
            WireEvent(name=each.name, at_ns=each.time_unix_nano, attributes=_attributes(each.attributes))
            for each in span.events[:MOST_EVENTS]
        ]
        if span.events
        else (),
        links=[
            WireLink(trace_id=each.trace_id.hex(), span_id=each.span_id.hex(), attributes=_attributes(each.attributes))
            for each in span.links[:MOST_EVENTS]
        ]
        if span.links
        else (),
        status=span.status.code,
        status_message=span.status.message,
        origin=origin,
    )


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value, DEEPEST) for pair in pairs}


def _value(value: Any, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(each, depth - 1) for each in value.array_value.values] if depth else str(value)
    if kind == "kvlist_value":
        if not depth:
            return str(value)
        return {pair.key: _value(pair.value, depth - 1) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)
