"""Reads a trace export in JSON: lower camel case, ids in hexadecimal digits, unknown names passed over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

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

_HEX = frozenset("0123456789abcdef")
_LARGEST = 2**63 - 1
#: An escaped backslash, two halves that belong together, or a half alone, which is the group.
_HALVES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def read_json(body: bytes) -> Batch:
    """The spans of a body. Raises Unreadable."""
    try:
        request = _loaded(body or b"{}")
    except orjson.JSONDecodeError as exc:
        raise Unreadable(f"The body is not valid JSON: {exc}.") from exc
    if not isinstance(request, dict):
        raise Unreadable("The body must be one JSON object.")
    spans, refused = [], []
    for group in _objects(request.get("resourceSpans")):
        resource = _attributes(_object(group.get("resource")).get("attributes"))
        for scoped in _objects(group.get("scopeSpans")):
            scope = _object(scoped.get("scope"))
            origin = Origin(
                resource=resource, scope=_text(scope.get("name")), scope_version=_text(scope.get("version"))
            )
            for span in _list(scoped.get("spans")):
                try:
                    spans.append(checked(_span(span, origin)))
                except SpanRefused as exc:
                    refused.append(str(exc))
    return Batch(spans=spans, refused=refused)


def _loaded(body: bytes) -> Any:
    """The JSON; halves of letters, as JavaScript leaves them where it cuts a text, become the sign for no letter."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        whole = _HALVES.sub(lambda found: found[0] if found[1] is None else b"\\ufffd", body)
        if whole == body:
            raise
        return orjson.loads(whole)


def _span(span: Any, origin: Origin) -> WireSpan:
    if not isinstance(span, dict):
        raise SpanRefused("A span is a JSON object.")
    status = _object(span.get("status"))
    parent = _id(span.get("parentSpanId"))
    return WireSpan(
        trace_id=_id(span.get("traceId")),
        span_id=_id(span.get("spanId")),
        parent_id="" if parent == "0" * 16 else parent,
        name=_text(span.get("name")),
        kind=_number(span.get("kind")),
        start_ns=_number(span.get("startTimeUnixNano")),
        end_ns=_number(span.get("endTimeUnixNano")),
        attributes=_attributes(span.get("attributes")),
        events=[_event(each) for each in _objects(span.get("events"))[:MOST_EVENTS]],
        links=[_link(each) for each in _objects(span.get("links"))[:MOST_EVENTS]],
        status=_number(status.get("code")),
        status_message=_text(status.get("message")),
        origin=origin,
    )


def _event(event: Mapping[str, Any]) -> WireEvent:
    return WireEvent(
        name=_text(event.get("name")),
        at_ns=_number(event.get("timeUnixNano")),
        attributes=_attributes(event.get("attributes")),
    )


def _link(link: Mapping[str, Any]) -> WireLink:
    return WireLink(
        trace_id=_text(link.get("traceId")).lower(),
        span_id=_text(link.get("spanId")).lower(),
        attributes=_attributes(link.get("attributes")),
    )


def _id(value: Any) -> str:
    """The id in lower case; what is not hexadecimal is too long or too short for any id, and refused as one."""
    if value is None or value == "":
        return ""
    found = value.lower() if isinstance(value, str) else ""
    return found if found and _HEX.issuperset(found) else f"?{value}"[:60]


def _attributes(pairs: Any) -> dict[str, Any]:
    return {_text(pair.get("key")): _value(pair.get("value"), DEEPEST) for pair in _objects(pairs)}


def _value(value: Any, depth: int) -> Any:
    if not isinstance(value, dict):
        return None
    for kind, inner in value.items():
        if kind == "intValue":
            return _signed(inner)
        if kind == "doubleValue":
            return _double(inner)
        if kind in ("stringValue", "boolValue", "bytesValue"):
            return inner
        if kind == "arrayValue":
            return [_value(each, depth - 1) for each in _list(_object(inner).get("values"))] if depth else str(inner)
        if kind == "kvlistValue":
            if not depth:
                return str(inner)
            pairs: Iterable[dict[str, Any]] = _objects(_object(inner).get("values"))
            return {_text(pair.get("key")): _value(pair.get("value"), depth - 1) for pair in pairs}
    return None


def _signed(value: Any) -> Any:
    """A 64-bit number, which may be written as text."""
    if isinstance(value, str) and len(value) <= 20 and value.removeprefix("-").isdecimal():
        return int(value)
    return value if isinstance(value, (int, float)) else None


def _double(value: Any) -> Any:
    if isinstance(value, str):
        return {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.get(value)
    return value if isinstance(value, (int, float)) else None


def _number(value: Any) -> int:
    """A count or a time; 0 for what is none."""
    found = _signed(value)
    return int(found) if isinstance(found, (int, float)) and 0 <= found <= _LARGEST else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]
