"""Traces as they come from elsewhere, and very long ones: what the trace page must be able to show."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.traces.models import Span, SpanPayload, Trace
from apps.workflows.engine.events import ErrorInfo, NodeFailed, NodeStarted, NodeSucceeded, Usage
from support.ids import uuid7
from tests.traces.stories import Story, run_info

MICROSECOND = dt.timedelta(microseconds=1)
LINK = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "attributes": {"why": "retry"}}


def foreign_trace(team_id: UUID, *, name: str = "plan a trip", took_us: int = 9_000_000, **more: Any) -> Trace:
    """The row of a trace that a program elsewhere sent."""
    values: dict[str, Any] = {
        "team_id": team_id,
        "application_name": "travel-agent",
        "external_id": "5b8efff798038103d269b633813fc60c",
        "session": "session-42",
        "source": "otlp",
        "environment": "production",
        "release": "1.4.2",
        "end_user": "mei.lin",
        "name": name,
        "status": "succeeded",
        "started_at": timezone.now() - dt.timedelta(minutes=5),
        "duration_us": took_us,
    }
    return Trace.objects.create(**{**values, **more})


def add(trace: Trace, key: str, parent: str = "", *, at: int, took: int | None, **more: Any) -> Span:
    """A span that began `at` microseconds after the trace; not written yet."""
    return Span(
        id=uuid7(),
        trace=trace,
        team_id=trace.team_id,
        application_name=trace.application_name,
        key=key,
        parent_key=parent,
        started_at=trace.started_at + at * MICROSECOND,
        offset_us=at,
        duration_us=took,
        **{"name": key, "kind": "other", "status": "ok", "position": 0, **more},
    )


def odd_trace(team_id: UUID) -> Trace:
    """An agent with an orphan, a circle, a clock that differs, a span without an end, events, links and costs."""
    trace = foreign_trace(
        team_id,
        total_tokens=4_200,
        input_tokens=3_600,
        output_tokens=600,
        span_count=16,
        error_count=1,
        cost="0.0246",
        currency="USD",
    )
    costs = {"input": "0.004", "cache_read": "0.001", "output": "0.0073"}
    usage = {"input_tokens": 1_800, "output_tokens": 300, "cached_tokens": 900, "cost": "0.0123", "currency": "USD"}
    model: dict[str, Any] = {
        "kind": "llm",
        "name": "chat gpt-4o-mini",
        "model": "gpt-4o-mini",
        "provider": "openai",
        **usage,
    }
    spans = [
        add(trace, "root", at=0, took=9_000_000, name="plan a trip", kind="agent"),
        add(trace, "think", "root", at=100_000, took=2_000_000, first_text_us=700_000, **model),
        *(
            add(trace, f"tool{n}", "root", at=2_200_000 + n * 300_000, took=250_000, name=f"search {n}", kind="tool")
            for n in range(6)
        ),
        add(trace, "fails", "root", at=4_200_000, took=90_000, name="book", kind="tool", status="error",
            error_code="PaymentRefused", error_message="the card <b>was</b> refused"),
        add(trace, "early", "root", at=-40_000, took=30_000, name="warm up", kind="chain"),
        add(trace, "lost", "gone", at=5_000_000, took=400_000, name="lost and found", kind="chain"),
        add(trace, "one", "two", at=5_600_000, took=100_000, name="chicken"),
        add(trace, "two", "one", at=5_610_000, took=100_000, name="egg"),
        add(trace, "open", "root", at=6_000_000, took=None, name="never came back", kind="http", status="stopped"),
        add(trace, "answer", "root", at=6_100_000, took=2_800_000, first_text_us=500_000, **model),
        add(trace, "check", "answer", at=6_200_000, took=100_000, name="no personal data", kind="guardrail"),
    ]  # fmt: skip
    Span.objects.bulk_create(spans)
    SpanPayload.objects.bulk_create(
        SpanPayload(
            span=span,
            inputs={"question": f"What is {span.name}?"},
            outputs={"text": "A quiet week in Lisbon."} if span.kind == "llm" else {"value": span.name},
            process={"messages": [{"role": "user", "text": "Plan a trip"}]} if span.kind == "llm" else {},
            costs=costs if span.kind == "llm" else {},
            usage={"prompt_tokens": 1_800} if span.kind == "llm" else {},
            attributes={"server.address": "10.0.0.7", "retries": 2},
            events=[{"name": "exception", "at_us": 80_000, "attributes": {"exception.message": "card refused"}}]
            if span.status == "error"
            else [],
            links=[LINK] if span.key == "lost" else [],
        )
        for span in spans
    )
    return trace


def big_trace(team_id: UUID, *, spans: int = 10_000, seed: int = 7) -> Trace:
    """So many spans in a tree of random shape, the same for the same seed."""
    rng = random.Random(seed)
    trace = foreign_trace(
        team_id, name="nightly crawl", took_us=spans * 2_000, span_count=spans, error_count=spans // 997
    )
    rows = [add(trace, "0", at=0, took=spans * 2_000, name="nightly crawl", kind="agent")]
    ways: list[tuple[str, int, int]] = [("0", 0, spans * 2_000)]
    kinds = ("llm", "tool", "http", "chain", "retrieval", "embedding")
    for number in range(1, spans):
        parent, since, until = ways[rng.randrange(max(0, len(ways) - 40), len(ways))]
        at = rng.randrange(since, max(since + 1, until))
        took = rng.randrange(1, max(2, (until - at) // 2 + 2))
        kind = kinds[rng.randrange(len(kinds))]
        is_failed = number % 997 == 0
        rows.append(
            add(trace, f"{number:x}", parent, at=at, took=took, name=f"{kind} of page {number}", kind=kind,
                status="error" if is_failed else "ok", error_code="Timeout" if is_failed else "",
                input_tokens=90 if kind == "llm" else 0, output_preview=f"needle {number}" if number == 4_321 else "")
        )  # fmt: skip
        if rng.random() < 0.3:
            ways.append((f"{number:x}", at, at + took))
    Span.objects.bulk_create(rows, batch_size=1_000)
    return trace


def looping(rounds: int = 300, **changes: Any) -> Story:
    """A loop of very many rounds: each asks a model and fetches a page; one of them fails."""
    nodes = {"start": ("start", "Start"), "each": ("iteration", "For each page"), "end": ("end", "Result")}
    story = Story(run_info(nodes, kind="workflow", application_name="Crawler", **changes)).begin({"pages": rounds})
    story.start("start").after(0.000_2).succeed("start", {})
    story.start("each", predecessor="start")
    for number in range(rounds):
        for place, (node_id, kind, title) in enumerate((("get", "http-request", "Fetch"), ("sum", "llm", "Summarise"))):
            where: dict[str, Any] = {"node_id": node_id, "frame": f"each:{number}"}
            begun = NodeStarted(at=story.now, node_type=kind, title=title, index=3 + number * 2 + place, **where)
            story.add(begun).after(0.004 + (number * 31 % 17) / 1_000)
            elapsed = 0.004 + (number * 31 % 17) / 1_000
            if number == 201 and kind == "llm":
                error = ErrorInfo(code="model_unavailable", message="The model did not answer.")
                story.add(NodeFailed(at=story.now, elapsed=elapsed, error=error, handled=True, **where))
                continue
            usage = Usage(input_tokens=120, output_tokens=30) if kind == "llm" else None
            process = {"model": "demo", "provider": "demo"} if kind == "llm" else {}
            outputs = {"text": f"Page {number} is about bees."}
            story.add(
                NodeSucceeded(at=story.now, elapsed=elapsed, outputs=outputs, process=process, usage=usage, **where)
            )
    story.succeed("each", {"output": rounds})
    story.start("end", predecessor="each").after(0.000_1).succeed("end", {"pages": rounds})
    return story.finish("partial-succeeded", outputs={"pages": rounds})
