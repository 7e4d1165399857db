"""What goes wrong on the way to a real server and its database: every span costs itself at most."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from accounts.models import ApiKey, Team
from accounts.services import create_api_key, revoke_api_key
from apps.traces.models import Span, SpanPayload, Trace
from tests.traces.otlp.sending import TRACE, as_json, as_protobuf, attributes, export, span

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def key(team: Team) -> dict[str, str]:
    _key, secret = create_api_key(team_id=team.id, subject_kind="traces", subject_id=team.id)
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def send(server: str, key: dict[str, str]) -> Any:
    def post(*spans: Any, resource: dict[str, Any] | None = None) -> httpx.Response:
        body, headers = as_json(export(*spans, resource=resource)), {**key, "Content-Type": "application/json"}
        answer = httpx.post(f"{server}/otel/v1/traces", content=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer

    return post


def test_spans_that_come_again_in_any_order_change_nothing(send: Any) -> None:
    root = span({"user.id": "ada"}, spanId="a" * 16, name="root")
    child = span(
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7},
        spanId="b" * 16,
        parentSpanId="a" * 16,
    )
    for batch in ([child], [root], [root, child], [child, child, root]):
        assert send(*batch).json() == {}
    (trace,) = Trace.objects.all()
    assert Span.objects.count() == SpanPayload.objects.count() == 2
    assert (trace.name, trace.input_tokens, trace.span_count, trace.end_user) == ("root", 7, 2, "ada")


def test_orphans_circles_and_skewed_clocks_are_kept(send: Any) -> None:
    start = int(span()["startTimeUnixNano"])
    hour = 3600 * 10**9
    spans = [
        span(spanId="1" * 16, parentSpanId="9" * 16, name="orphan"),
        span(spanId="2" * 16, parentSpanId="3" * 16, name="one of a circle"),
        span(spanId="3" * 16, parentSpanId="2" * 16, name="the other"),
        span(spanId="4" * 16, parentSpanId="4" * 16, name="its own parent"),
        span(spanId="5" * 16, startTimeUnixNano=str(start + hour), endTimeUnixNano=str(start), name="ended before"),
        span(spanId="6" * 16, endTimeUnixNano="0", name="never ended"),
        span(spanId="7" * 16, startTimeUnixNano=str(start - 400 * 24 * hour), name="over a year ago"),
        span(spanId="8" * 16, startTimeUnixNano=str(start + 4000 * 24 * hour), name="in years"),
    ]
    assert send(*spans).json() == {}
    assert Span.objects.count() == len(spans)
    assert all(duration is None or duration >= 0 for duration in Span.objects.values_list("duration_us", flat=True))


def test_what_no_column_can_hold_costs_nobody_anything(send: Any) -> None:
    odd = span(
        {
            "nul\x00name": "a\x00b",
            "huge": "x" * 3_000_000,
            "user.id": "u" * 5_000,
            "session.id": "\x00",
            "gen_ai.request.model": "m" * 5_000,
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": 2**62,
            "gen_ai.usage.output_tokens": 5,
            "script": "<script>alert(1)</script>",
        },
        name="\x00" + "n" * 10_000,
        events=[{"name": "e" * 1000, "timeUnixNano": "1", "attributes": attributes({"x": "\x00"})} for _ in range(500)],
        status={"code": 2, "message": "\x00 bad " * 1000},
    )
    assert (
        send(odd, span(spanId="c" * 16, name="good"), span(traceId="no"), 7).json()["partialSuccess"]["rejectedSpans"]
        == "2"
    )
    assert sorted(len(name) for name in Span.objects.values_list("name", flat=True)) == [4, 200]
    call = Span.objects.get(kind="llm")
    assert (call.input_tokens, call.output_tokens) == (0, 5)


def test_a_body_of_a_hundred_megabytes_is_refused_and_the_server_lives(server: str, key: dict[str, str]) -> None:
    headers = {**key, "Content-Type": "application/x-protobuf"}
    for _ in range(2):
        answer = httpx.post(f"{server}/otel/v1/traces", content=bytes(100_000_000), headers=headers, timeout=120)
        assert answer.status_code == 413
    good = httpx.post(f"{server}/otel/v1/traces", content=as_protobuf(export(span())), headers=headers, timeout=60)
    assert good.status_code == 200
    assert Trace.objects.get().external_id == TRACE


def test_teams_do_not_see_each_others_spans_even_under_one_trace_id(
    server: str, key: dict[str, str], team: Team
) -> None:
    other = Team.objects.create(slug="wasps", name="Wasps")
    _key, secret = create_api_key(team_id=other.id, subject_kind="traces", subject_id=other.id)
    for authorization in (key["Authorization"], f"Bearer {secret}"):
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        httpx.post(f"{server}/otel/v1/traces", content=as_json(export(span())), headers=headers, timeout=60)
    assert Trace.objects.count() == Span.objects.count() == 2
    assert set(Trace.objects.values_list("team_id", flat=True)) == {team.id, other.id}
    assert set(Trace.objects.values_list("external_id", flat=True)) == {TRACE}


def test_a_revoked_key_stops_working_within_seconds(server: str, key: dict[str, str]) -> None:
    headers = {**key, "Content-Type": "application/json"}

    def status() -> int:
        return httpx.post(f"{server}/otel/v1/traces", content=b"{}", headers=headers, timeout=60).status_code

    assert status() == 200
    revoke_api_key(ApiKey.objects.get())
    deadline = time.monotonic() + 30
    while status() != 401:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_secrets_in_what_is_sent_are_masked_before_they_are_written(send: Any) -> None:
    secret = "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5q" * 3
    send(span({"input.value": f"my key is {secret}", "openinference.span.kind": "CHAIN", "note": secret}))
    kept = SpanPayload.objects.get()
    (row,) = Span.objects.all()
    assert secret not in str([kept.inputs, kept.attributes, kept.process, row.input_preview])
    assert "my key is" in str(kept.inputs)


def test_secrets_in_names_errors_tags_and_events_are_masked_too(send: Any) -> None:
    secret = "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5q" * 3
    event = {"name": f"failed {secret}", "timeUnixNano": "1", "attributes": attributes({"exception.message": secret})}
    values = {
        "langfuse.trace.tags": [f"key {secret}"],
        "error.type": f"Refused {secret}",
        "http.request.header.authorization": ["opaque-word"],
        f"name {secret}": 1,
    }
    send(span(values, name=f"use {secret}", status={"code": 2, "message": f"no {secret}"}, events=[event]))
    everything = [list(model.objects.values()) for model in (Trace, Span, SpanPayload)]
    assert secret not in str(everything)
    assert "opaque-word" not in str(everything)
    assert "Refused [masked:" in Span.objects.get().error_code
