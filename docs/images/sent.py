"""What a program elsewhere sends for the pictures: an assistant that waited long for a weather service."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Sequence
from typing import Any

ASKED = "What is the weather in Lisbon today?"
SAID = "It is sunny in Lisbon, with 21 degrees and a light wind from the north."
MESSAGES = [
    {"role": "system", "parts": [{"type": "text", "content": "Answer in one sentence, from what the tool returned."}]},
    {"role": "user", "parts": [{"type": "text", "content": ASKED}]},
]
REPLY = [{"role": "assistant", "parts": [{"type": "text", "content": SAID}], "finish_reason": "stop"}]
#: name, parent, begin and end in milliseconds, attributes
STEPS: Sequence[tuple[str, int, int, int, dict[str, Any]]] = (
    (
        "weather assistant",
        0,
        0,
        7_420,
        {"gen_ai.operation.name": "invoke_agent", "input.value": ASKED, "output.value": SAID, "user.id": "mei.lin"},
    ),
    (
        "choose a tool",
        1,
        20,
        610,
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 214}
        | {"gen_ai.usage.output_tokens": 18, "gen_ai.input.messages": json.dumps(MESSAGES)},
    ),
    (
        "get weather",
        1,
        620,
        6_480,
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}
        | {"gen_ai.tool.call.arguments": json.dumps({"city": "Lisbon", "unit": "celsius"})}
        | {"gen_ai.tool.call.result": json.dumps({"sky": "clear", "temperature": 21, "wind": "north, 9 km/h"})},
    ),
    (
        "say it",
        1,
        6_500,
        7_400,
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 268}
        | {"gen_ai.usage.output_tokens": 24, "gen_ai.input.messages": json.dumps(MESSAGES)}
        | {"gen_ai.output.messages": json.dumps(REPLY)},
    ),
)


def send(base: str, key: str) -> None:
    """Send the trace as OTLP/JSON, with a key for traces."""
    resource = {
        "attributes": _attributes({"service.name": "weather-assistant", "deployment.environment": "production"})
    }
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "demo"}, "spans": _spans()}]}]}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    asked = urllib.request.Request(f"{base}/otel/v1/traces", json.dumps(body).encode(), headers)  # noqa: S310 - ours
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        assert answer.status == 200


def _spans() -> list[dict[str, Any]]:
    trace, begin = os.urandom(16).hex(), time.time_ns() - 30 * 10**9
    ids = [os.urandom(8).hex() for _step in STEPS]
    return [
        {
            "traceId": trace,
            "spanId": ids[place],
            "parentSpanId": ids[parent - 1] if parent else "",
            "name": name,
            "kind": 1,
            "startTimeUnixNano": str(begin + since * 10**6),
            "endTimeUnixNano": str(begin + until * 10**6),
            "attributes": _attributes(values),
        }
        for place, (name, parent, since, until, values) in enumerate(STEPS)
    ]


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for name, value in values.items()
    ]
