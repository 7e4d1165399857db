"""What each family of clients says, in its own words, and what becomes of it: table by table."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from apps.traces.dialects.json_form import read_json
from apps.traces.dialects.reading import foreign_span
from apps.traces.dialects.tokens import Counts, counts_of_provider, settled
from apps.traces.recorder.foreign import ForeignSpan
from tests.server import ROOT
from tests.traces.otlp.sending import SPAN, TRACE, as_json, attributes, export, span


def read(values: dict, *, resource: dict | None = None, **changes) -> ForeignSpan:
    batch = read_json(as_json(export(span(values, **changes), resource=resource)))
    assert not batch.refused
    return foreign_span(batch.spans[0])


def buckets(found: ForeignSpan) -> dict[str, int]:
    assert found.usage is not None
    return {name: count for name, count in found.usage.buckets().items() if count}


CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
USED = {**CALL, "gen_ai.usage.input_tokens": 7}
PART = {"input": 200, "cache_read": 1000, "output": 200, "reasoning": 100}
OPENAI_USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 300,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 1000},
    "completion_tokens_details": {"reasoning_tokens": 100},
}
ANTHROPIC_USAGE = {
    "input_tokens": 200,
    "output_tokens": 300,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 50,
}


@pytest.mark.parametrize(
    ("says", "values", "expected"),
    [
        (
            "the conventions: cached and thought tokens are parts of the whole",
            {
                **CALL,
                "gen_ai.usage.input_tokens": 1200,
                "gen_ai.usage.output_tokens": 300,
                "gen_ai.usage.cache_read.input_tokens": 1000,
                "gen_ai.usage.reasoning.output_tokens": 100,
            },
            PART,
        ),
        (
            "their former names",
            {**CALL, "gen_ai.usage.prompt_tokens": 12, "gen_ai.usage.completion_tokens": 3},
            {"input": 12, "output": 3},
        ),
        (
            "OpenLLMetry, with names of its own",
            {
                **CALL,
                "gen_ai.usage.input_tokens": 1200,
                "gen_ai.usage.output_tokens": 300,
                "gen_ai.usage.total_tokens": 1500,
                "gen_ai.usage.cache_read_input_tokens": 1000,
                "gen_ai.usage.reasoning_tokens": 100,
            },
            PART,
        ),
        (
            "a sender that leaves cached tokens out of the input, as the sums tell",
            {
                **CALL,
                "gen_ai.usage.input_tokens": 200,
                "gen_ai.usage.output_tokens": 300,
                "gen_ai.usage.total_tokens": 1500,
                "gen_ai.usage.cache_read.input_tokens": 1000,
                "gen_ai.usage.reasoning.output_tokens": 100,
            },
            PART,
        ),
        (
            "more cached than input can only be counted apart",
            {**CALL, "gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 1000},
            {"input": 5, "cache_read": 1000},
        ),
        (
            "OpenInference",
            {
                "openinference.span.kind": "LLM",
                "llm.model_name": "m",
                "llm.token_count.prompt": 1200,
                "llm.token_count.completion": 300,
                "llm.token_count.prompt_details.cache_read": 1000,
                "llm.token_count.completion_details.reasoning": 100,
            },
            PART,
        ),
        (
            "langfuse with what OpenAI said",
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.usage_details": json.dumps(OPENAI_USAGE),
            },
            PART,
        ),
        (
            "langfuse with counts that do not overlap",
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.usage_details": json.dumps(
                    {"input": 200, "input_cached_tokens": 1000, "output": 200, "output_reasoning_tokens": 100}
                ),
            },
            PART,
        ),
        (
            "langfuse with counts whose total says that they overlap",
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.usage_details": json.dumps(
                    {
                        "input": 1200,
                        "input_cached_tokens": 1000,
                        "output": 300,
                        "output_reasoning_tokens": 100,
                        "total": 1500,
                    }
                ),
            },
            PART,
        ),
        (
            "logfire, whose own counts know no cache, with what the provider said",
            {
                **CALL,
                "logfire.msg": "Chat",
                "gen_ai.usage.input_tokens": 1200,
                "gen_ai.usage.output_tokens": 300,
                "gen_ai.usage.raw": json.dumps(OPENAI_USAGE),
            },
            PART,
        ),
        (
            "logfire with what Anthropic said",
            {
                **CALL,
                "logfire.msg": "Message",
                "gen_ai.usage.input_tokens": 1250,
                "gen_ai.usage.raw": json.dumps(ANTHROPIC_USAGE),
            },
            {"input": 200, "cache_read": 1000, "cache_write": 50, "output": 300},
        ),
        (
            "the AI SDK's request",
            {
                "ai.operationId": "ai.streamText.doStream",
                "ai.model.id": "m",
                "ai.usage.inputTokens": 1200,
                "ai.usage.outputTokens": 300,
                "ai.usage.cachedInputTokens": 1000,
                "ai.usage.reasoningTokens": 100,
            },
            PART,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_token_is_in_one_bucket(says, values, expected):
    assert buckets(read(values)) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"ai.operationId": "ai.streamText", "ai.usage.inputTokens": 10, "gen_ai.usage.input_tokens": 10},
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 10, "gen_ai.request.model": "m"},
        {"logfire.msg": "agent run", "all_messages_events": "[]", "gen_ai.usage.input_tokens": 10},
        {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 10},
    ],
    ids=["the AI SDK", "the conventions", "pydantic-ai", "OpenInference"],
)
def test_what_repeats_the_sums_of_the_calls_inside_it_has_no_tokens_of_its_own(values):
    assert read(values).usage is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Counts(total=10, output=4), (6, 4)),
        (Counts(total=10, input=4), (4, 6)),
        (Counts(input=3), (3, 0)),
        (Counts(input=5, output=2, reasoning=7), (5, 9)),
    ],
)
def test_counts_that_are_missing_follow_from_those_that_are_there(usage, expected):
    found = settled(usage)
    assert (found.input, found.output) == expected


def test_googles_thoughts_are_counted_beside_its_output():
    counts = counts_of_provider({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7})
    assert counts is not None
    assert settled(counts).buckets() == {
        "input": 10,
        "cache_read": 0,
        "cache_write": 0,
        "output": 5,
        "reasoning": 7,
    }


@pytest.mark.parametrize("count", [-1, "many", None, True, 1e300, float("nan"), [], {}, "9" * 400])
def test_a_count_that_is_none_is_passed_over(count):
    found = read({**CALL, "gen_ai.usage.input_tokens": count, "gen_ai.usage.output_tokens": 3})
    assert buckets(found) == {"output": 3}


MESSAGES = [
    {"role": "system", "text": "Be brief."},
    {"role": "user", "text": "Weather?"},
    {"role": "assistant", "text": "", "tool_calls": [{"id": "c1", "name": "look", "arguments": {"city": "Oslo"}}]},
    {"role": "tool", "text": "rain", "tool_call_id": "c1"},
]
GENAI_MESSAGES = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"city": "Oslo"}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}]},
]
OPENAI_CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Oslo"}'}}
OPENAI_MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
    {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
]
AI_MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
    {
        "role": "assistant",
        "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "look", "args": {"city": "Oslo"}}],
    },
    {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "result": "rain"}]},
]


def flat(prefix: str, *, call: str, function: str = "") -> dict[str, str]:
    """The messages as flattened names; how a tool call is named differs."""
    message = "message." if function else ""
    told = {}
    for number, each in enumerate(OPENAI_MESSAGES):
        told[f"{prefix}.{number}.{message}role"] = each["role"]
        if isinstance(each["content"], str):
            told[f"{prefix}.{number}.{message}content"] = each["content"]
        if "tool_call_id" in each:
            told[f"{prefix}.{number}.{message}tool_call_id"] = each["tool_call_id"]
    told[f"{prefix}.1.{message}content"] = "Weather?"
    begins = f"{prefix}.2.{message}tool_calls.0.{call}"
    told |= {f"{begins}id": "c1", f"{begins}{function}name": "look", f"{begins}{function}arguments": '{"city": "Oslo"}'}
    return told


@pytest.mark.parametrize(
    "values",
    [
        {**CALL, "gen_ai.input.messages": json.dumps(GENAI_MESSAGES)},
        {**CALL, "gen_ai.input.messages": GENAI_MESSAGES},
        {
            **CALL,
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
            "gen_ai.input.messages": json.dumps(GENAI_MESSAGES[1:]),
        },
        flat("gen_ai.prompt", call="") | {"llm.request.type": "chat"},
        flat("llm.input_messages", call="tool_call.", function="function.") | {"openinference.span.kind": "LLM"},
        {"langfuse.observation.type": "generation", "langfuse.observation.input": json.dumps(OPENAI_MESSAGES)},
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.input": json.dumps({"messages": OPENAI_MESSAGES}),
        },
        {"logfire.msg": "x", "request_data": json.dumps({"messages": OPENAI_MESSAGES}), **USED},
        {"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": json.dumps(AI_MESSAGES)},
    ],
    ids=[
        "conventions as text",
        "conventions as structures",
        "instructions apart",
        "OpenLLMetry flattened",
        "OpenInference",
        "langfuse",
        "langfuse with tools",
        "logfire",
        "the AI SDK",
    ],
)
def test_a_conversation_reads_the_same_whoever_sent_it(values):
    found = read(values)
    assert found.kind == "llm"
    assert found.process["messages"] == MESSAGES


def test_content_in_events_is_found_where_attributes_have_none():
    start = int(span()["startTimeUnixNano"])
    events = [
        {"name": "gen_ai.user.message", "timeUnixNano": str(start), "attributes": attributes({"content": "Hi"})},
        {
            "name": "gen_ai.choice",
            "timeUnixNano": str(start),
            "attributes": attributes({"message": json.dumps({"content": "Hello"}), "finish_reason": "stop"}),
        },
    ]
    found = read(CALL, events=events)
    assert found.process["messages"] == [{"role": "user", "text": "Hi"}]
    assert found.outputs == {"text": "Hello", "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e"}, "embedding"),
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}, "tool"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ({"openinference.span.kind": "RETRIEVER"}, "retrieval"),
        ({"openinference.span.kind": "RERANKER"}, "reranker"),
        ({"openinference.span.kind": "guardrail"}, "guardrail"),
        ({"traceloop.span.kind": "workflow"}, "chain"),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"langfuse.observation.type": "evaluator"}, "evaluator"),
        ({"langfuse.observation.type": "span"}, "other"),
        ({"logfire.span_type": "log", "logfire.msg": "x"}, "event"),
        ({"logfire.msg": "the request of a stream", "gen_ai.request.model": "m"}, "chain"),
        ({"logfire.msg": "its answer", "logfire.span_type": "log", **USED}, "llm"),
        ({"mlflow.spanType": '"RETRIEVER"'}, "retrieval"),
        ({"ai.operationId": "ai.toolCall", "ai.toolCall.name": "look"}, "tool"),
        ({"http.request.method": "GET"}, "other"),
        ({}, "other"),
    ],
)
def test_kinds_are_ours(values, kind):
    assert read(values).kind == kind


def test_a_request_that_a_service_sends_is_a_request():
    assert read({"http.request.method": "GET"}, kind=3).kind == "http"


@pytest.mark.parametrize(
    ("values", "resource"),
    [
        ({"user.id": "u", "session.id": "s"}, {"deployment.environment.name": "prod", "service.version": "7"}),
        (
            {"enduser.id": "u", "gen_ai.conversation.id": "s"},
            {"deployment.environment": "prod", "service.version": "7"},
        ),
        (
            {"langfuse.user.id": "u", "langfuse.session.id": "s", "langfuse.environment": "prod"},
            {"langfuse.release": "7"},
        ),
        (
            {
                "traceloop.association.properties.user_id": "u",
                "traceloop.association.properties.session_id": "s",
            },
            {"deployment.environment": "prod", "service.version": "7"},
        ),
        (
            {"ai.telemetry.metadata.userId": "u", "ai.telemetry.metadata.sessionId": "s"},
            {"deployment.environment": "prod", "service.version": "7"},
        ),
    ],
    ids=["OpenTelemetry", "former names", "langfuse", "OpenLLMetry", "the AI SDK"],
)
def test_who_and_where_is_found(values, resource):
    found = read(values, resource=resource)
    assert (found.end_user, found.session, found.environment, found.release, found.service) == (
        "u",
        "s",
        "prod",
        "7",
        "shop",
    )


def test_passages_of_a_retrieval_are_read():
    found = read(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "where?",
            "retrieval.documents.0.document.id": "d1",
            "retrieval.documents.0.document.content": "In Oslo.",
            "retrieval.documents.0.document.score": 0.9,
            "retrieval.documents.0.document.metadata": json.dumps({"source": "a.md"}),
            "retrieval.documents.10.document.content": "Last.",
            "retrieval.documents.2.document.content": "Second.",
        }
    )
    assert found.inputs == "where?"
    hits = found.process["hits"]
    assert [hit["text"] for hit in hits] == ["In Oslo.", "Second.", "Last."]
    assert (hits[0]["score"], hits[0]["document_name"], hits[0]["chunk_id"]) == (0.9, "a.md", "d1")


def test_costs_that_the_sender_reckoned_are_taken_by_bucket():
    given = {"input": 0.1, "input_cached_tokens": 0.01, "output": 0.2, "total": 0.31}
    found = read({"langfuse.observation.type": "generation", "langfuse.observation.cost_details": json.dumps(given)})
    assert found.costs == {"input": "0.1", "cache_read": "0.01", "output": "0.2"}
    only = read({**USED, "logfire.msg": "x", "operation.cost": 0.5})
    assert only.costs == {"total": "0.5"}


def test_the_first_word_is_timed():
    start = int(span()["startTimeUnixNano"])
    asked = {"startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 10**9)}
    waits = {
        "conventions": read({**CALL, "gen_ai.response.time_to_first_chunk": 0.25}, **asked),
        "AI SDK": read({"ai.operationId": "ai.streamText.doStream", "ai.response.msToFirstChunk": 250}, **asked),
        "OpenInference": read(
            {"openinference.span.kind": "LLM"},
            events=[{"name": "First Token Stream Event", "timeUnixNano": str(start + 250_000_000), "attributes": []}],
            **asked,
        ),
    }
    assert {name: (found.first_text_ns or 0) - start for name, found in waits.items()} == dict.fromkeys(
        waits, 250_000_000
    )
    assert read({**CALL, "gen_ai.response.time_to_first_chunk": 99}, **asked).first_text_ns is None


def test_an_error_says_what_it_was():
    start = int(span()["startTimeUnixNano"])
    raised = {"exception.type": "ValueError", "exception.message": "bad", "exception.stacktrace": "Traceback ..."}
    event = {"name": "exception", "timeUnixNano": str(start + 5000), "attributes": attributes(raised)}
    found = read({}, status={"code": 2}, events=[event], startTimeUnixNano=str(start))
    assert (found.status, found.error_code, found.error_message) == ("error", "ValueError", "bad")
    assert found.events[0] == {"name": "exception", "at_us": 5, "attributes": raised}
    handled = read({}, events=[event], startTimeUnixNano=str(start))
    assert (handled.status, handled.error_code) == ("ok", "")


def test_a_name_that_is_a_template_is_shown_filled_in():
    assert (
        read({"logfire.msg": "handle 7", "logfire.msg_template": "handle {id}"}, name="handle {id}").name == "handle 7"
    )


def test_clocks_that_went_back_make_no_negative_time_and_a_span_without_an_end_is_not_over():
    start = int(span()["startTimeUnixNano"])
    back = read({}, startTimeUnixNano=str(start), endTimeUnixNano=str(start - 10**9))
    assert (back.ended_ns, back.status) == (start, "ok")
    begun = read({}, endTimeUnixNano="0")
    assert (begun.ended_ns, begun.status) == (None, "stopped")


def test_what_is_understood_is_kept_once_and_the_rest_by_its_own_name():
    found = read(
        {**CALL, "gen_ai.input.messages": json.dumps(GENAI_MESSAGES), "shop.order": 7},
        parentSpanId=SPAN,
        resource={"cloud.region": "eu", "process.pid": 1},
    )
    assert found.attributes["shop.order"] == 7
    assert "gen_ai.input.messages" not in found.attributes
    assert found.attributes["resource"] == {"cloud.region": "eu"}
    assert (found.trace_id, found.parent_key, found.attributes["scope"]) == (TRACE, SPAN, "lib 1")


def test_values_of_every_kind_and_depth_are_read():
    deep: object = "bottom"
    for _ in range(200):
        deep = [deep]
    found = read({"a": 1, "b": 1.5, "c": True, "d": ["x", 1], "e": {"f": {"g": []}}, "deep": deep, "empty": None})
    assert {name: found.attributes[name] for name in "abcde"} == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": ["x", 1],
        "e": {"f": {"g": []}},
    }
    assert found.attributes["empty"] is None
    assert json.dumps(found.attributes["deep"])


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.input.messages": "[{", "gen_ai.output.messages": "null", **CALL},
        {"gen_ai.input.messages": [1, None, {"role": 5, "parts": {"a": 1}}], **CALL},
        {"llm.input_messages.x.message.role": "a", "llm.input_messages.0": "b", "openinference.span.kind": 7},
        {"llm.input_messages.99999999999.message.role": "a"},
        {"langfuse.observation.usage_details": "[1]", "langfuse.observation.cost_details": '{"input": "x"}'},
        {"langfuse.observation.type": 3, "langfuse.observation.completion_start_time": "yesterday"},
        {"gen_ai.usage.raw": "{}", "logfire.level_num": "x", "logfire.tags": '{"a": 1}', "logfire.span_type": "log"},
        {"traceloop.entity.input": '{"inputs": 3}', "gen_ai.prompt.0.tool_calls.0.arguments": "{"},
        {"ai.prompt": "3", "ai.response.toolCalls": "[3]", "ai.operationId": "ai.streamText.doStream"},
        {"user.id": {"a": 1}, "session.id": [1], "gen_ai.response.model": ["m"]},
        {"mlflow.spanType": "[" * 900 + "]" * 900, "ai.prompt": "[" * 900 + "]" * 900},
        {"langfuse.trace.tags": "[" * 900 + "]" * 900, "langfuse.observation.input": "[" * 900 + "]" * 900},
        {"gen_ai.input.messages": "[" * 900 + "]" * 900, "input.value": "[" * 900 + "]" * 900, **CALL},
    ],
)
def test_nonsense_in_any_dialect_costs_no_more_than_itself(values):
    assert read(values).key == SPAN


def test_dialects_load_without_django():
    modules = "apps.traces.dialects.reading, apps.traces.dialects.protobuf"
    code = f"import sys, {modules}; sys.exit('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PYTHONPATH": f"{ROOT}/platform:{ROOT}"})
    assert done.returncode == 0
