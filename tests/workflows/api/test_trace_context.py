"""A caller's trace goes through a run: kept with it, and told to the model and to the services that it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from apps.traces.models import Span, Trace
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.workflows.models import Application, Run
from support.trace_context import span_of_step
from tests.model_runtime.openai_server import OpenAIServer
from tests.server import web_server

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "congo=t61rcWkgMzE"}


def document(url: str) -> dict[str, Any]:
    ask = {"model": {"name": "openai/m"}, "prompt": [{"role": "user", "text": "Hello"}]}
    sent = {"kind": "json", "text": '{"model": "m", "messages": []}'}
    return {
        "skep": 1,
        "app": {"name": "Caller", "kind": "workflow"},
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "ask", "type": "llm", "config": ask},
            {"id": "fetch", "type": "http-request", "config": {"method": "POST", "url": url, "body": sent}},
            {"id": "end", "type": "end", "config": {"outputs": {"said": "ask.text"}}},
        ],
        "edges": [{"from": "start", "to": "ask"}, {"from": "ask", "to": "fetch"}, {"from": "fetch", "to": "end"}],
    }


def test_a_callers_trace_is_kept_and_passed_on(
    make_app: Callable[..., Application], key_of: Callable[..., dict[str, str]]
) -> None:
    with OpenAIServer().in_thread() as other:
        headers = key_of(make_app(document(f"{other.base_url}/chat/completions")))
        environment = {"OPENAI_BASE_URL": other.base_url, "OPENAI_API_KEY": "k", "OPENAI_MODEL": "m"}
        with web_server(**environment, EGRESS_ALLOW=f"127.0.0.1:{other.port}") as base:
            body = {"inputs": {}, "user": "ada", "response_mode": "blocking"}
            for more in (CALLER, {}, {"traceparent": "nonsense"}):
                reply = httpx.post(f"{base}/v1/workflows/run", json=body, headers={**headers, **more}, timeout=30)
                assert reply.json()["data"]["status"] == "succeeded", reply.text
        sent = [(request.headers.get("traceparent"), request.headers.get("tracestate")) for request in other.requests]
    first, second, third = Run.objects.order_by("id")
    assert sent == [
        (f"00-{trace_id}-{span_of_step(run.id, '', node_id)}-01", state)
        for run, trace_id, state in (
            (first, TRACE, CALLER["tracestate"]),
            (second, second.id.hex, None),
            (third, third.id.hex, None),
        )
        for node_id in ("ask", "fetch")
    ]
    assert (first.traceparent, first.tracestate) == (CALLER["traceparent"], CALLER["tracestate"])
    assert _named(first.id) == (TRACE, SPAN)
    assert _named(second.id) == _named(third.id) == ("", "")
    recorded = dict(Span.objects.filter(trace_id=first.id).values_list("node_id", "key"))
    assert [recorded[node_id] for node_id in ("ask", "fetch")] == [
        span_of_step(first.id, "", node_id) for node_id in ("ask", "fetch")
    ]


def _named(run_id: UUID) -> tuple[str, str]:
    rebuild_trace(run_id, replace=True)
    trace = Trace.objects.get(id=run_id)
    return trace.external_id, trace.external_parent
