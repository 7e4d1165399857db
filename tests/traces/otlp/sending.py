"""Builds exports as clients do, in both encodings."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def any_value(value: Any) -> dict[str, Any]:
    """A value as OTLP/JSON has it."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else "NaN"}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(each) for each in value]}}
        case dict():
            return {"kvlistValue": {"values": attributes(value)}}
    return {}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": any_value(value)} for name, value in values.items()]


def span(values: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A span of a second, a minute ago."""
    start = time.time_ns() - 60 * 10**9
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "work",
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10**9),
        "attributes": attributes(values or {}),
        **changes,
    }


def export(*spans: Any, resource: dict[str, Any] | None = None) -> dict[str, Any]:
    """An export of one service."""
    group = {
        "resource": {"attributes": attributes({"service.name": "shop", **(resource or {})})},
        "scopeSpans": [{"scope": {"name": "lib", "version": "1"}, "spans": list(spans)}],
    }
    return {"resourceSpans": [group]}


def as_json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def as_protobuf(body: dict[str, Any]) -> bytes:
    """The same in protobuf, where ids are bytes."""
    request = ExportTraceServiceRequest()
    for group in body["resourceSpans"]:
        told = request.resource_spans.add()
        _put(told.resource.attributes, group["resource"]["attributes"])
        for scoped in group["scopeSpans"]:
            inner = told.scope_spans.add()
            inner.scope.name, inner.scope.version = scoped["scope"]["name"], scoped["scope"]["version"]
            for given in scoped["spans"]:
                made = inner.spans.add()
                made.trace_id, made.span_id = bytes.fromhex(given["traceId"]), bytes.fromhex(given["spanId"])
                made.parent_span_id = bytes.fromhex(given.get("parentSpanId", ""))
                made.name, made.kind = given["name"], given["kind"]
                made.start_time_unix_nano = int(given["startTimeUnixNano"])
                made.end_time_unix_nano = int(given["endTimeUnixNano"])
                made.status.code = given.get("status", {}).get("code", 0)
                made.status.message = given.get("status", {}).get("message", "")
                _put(made.attributes, given["attributes"])
                for event in given.get("events", ()):
                    told_event = made.events.add()
                    told_event.name, told_event.time_unix_nano = event["name"], int(event["timeUnixNano"])
                    _put(told_event.attributes, event["attributes"])
    return request.SerializeToString()


def _put(target: Any, pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        told = target.add()
        told.key = pair["key"]
        _value(told.value, pair["value"])


def _value(target: Any, given: dict[str, Any]) -> None:
    match given:
        case {"boolValue": value}:
            target.bool_value = value
        case {"intValue": value}:
            target.int_value = int(value)
        case {"doubleValue": value}:
            target.double_value = float(value)
        case {"stringValue": value}:
            target.string_value = value
        case {"arrayValue": {"values": values}}:
            target.array_value.SetInParent()
            for each in values:
                _value(target.array_value.values.add(), each)
        case {"kvlistValue": {"values": pairs}}:
            target.kvlist_value.SetInParent()
            _put(target.kvlist_value.values, pairs)
