"""Tools, pictures, data and reasoning over the OpenAI-compatible protocol, against a server on a real socket."""

from __future__ import annotations

import json
import time

import pytest

from model_runtime.errors import BadModelRequest
from model_runtime.providers.openai_compatible import OpenAICompatibleChat
from model_runtime.transport import Endpoint, close_clients
from model_runtime.types import Format, Image, Message, ModelParameters, Tool, ToolCall, Wish
from tests.model_runtime.openai_server import Completion, OpenAIServer, Raw, Refusal

SEARCH = Tool(name="search", description="Finds things.", parameters={"type": "object", "properties": {}})
SHAPE = Format(name="city", schema={"type": "object"}, strict=True)
ASK = [Message(role="user", text="Where?")]


@pytest.fixture
async def server():
    async with OpenAIServer() as running:
        yield running
        await close_clients()


def model_of(server):
    endpoint = Endpoint(provider="openai", base_url=server.base_url, api_key="sk-secret", policy=server.policy)
    return OpenAICompatibleChat(endpoint, model="small")


async def ask(server, messages=ASK, *, wish=None, parameters=None, model=None):
    stream = (model or model_of(server)).stream(
        messages, parameters=parameters or ModelParameters(), wish=wish or Wish()
    )
    return [chunk async for chunk in stream]


def stream_of(*deltas, finish="stop"):
    """A reply that streams these deltas."""
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return Raw("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n")


def piece(index=None, name=None, arguments="", call_id=None):
    function = {"arguments": arguments, **({"name": name} if name else {})}
    body = {"function": function, **({"id": call_id} if call_id else {})}
    return {"tool_calls": [body if index is None else {"index": index, **body}]}


async def test_tools_are_offered_and_calls_put_together_from_their_pieces(server):
    server.script(
        stream_of(
            {"content": "Let me see. "},
            piece(0, "search", '{"q": ', "call_a"),
            piece(1, "search", "{}", "call_b"),
            piece(0, arguments='"bees"}'),
            finish="tool_calls",
        )
    )
    chunks = await ask(server, wish=Wish(tools=[SEARCH], tool_choice="required"))
    body = server.requests[0].body
    function = {"name": "search", "description": "Finds things.", "parameters": SEARCH.parameters}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == "required"
    assert chunks[-1].tool_calls == (
        ToolCall(id="call_a", name="search", arguments='{"q": "bees"}'),
        ToolCall(id="call_b", name="search", arguments="{}"),
    )
    assert (chunks[0].text, chunks[-1].finish_reason) == ("Let me see. ", "tool_calls")


async def test_calls_without_numbers_or_with_objects_for_arguments_are_understood(server):
    server.script(stream_of(piece(None, "search", '{"q": 1}', "a"), piece(None, "search", {"q": 2}, "b")))
    chunks = await ask(server, wish=Wish(tools=[SEARCH], tool_choice="search"))
    assert server.requests[0].body["tool_choice"] == {"type": "function", "function": {"name": "search"}}
    assert [json.loads(call.arguments)["q"] for call in chunks[-1].tool_calls] == [1, 2]


async def test_a_whole_reply_may_consist_of_calls(server):
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "search", "arguments": "{}"}}],
    }
    body = {"choices": [{"index": 0, "message": message, "finish_reason": None}]}
    server.script(Raw(json.dumps(body).encode(), content_type="application/json"))
    chunks = await ask(server, wish=Wish(tools=[SEARCH]))
    assert [call.name for call in chunks[-1].tool_calls] == ["search"]


async def test_calls_and_what_came_of_them_go_back_to_the_model(server):
    call = ToolCall(id="c1", name="search", arguments="{}")
    turns = [
        *ASK,
        Message(role="assistant", text="", tool_calls=[call]),
        Message(role="tool", text="2", tool_call_id="c1"),
    ]
    await ask(server, turns)
    assert server.requests[0].body["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]


async def test_pictures_stand_beside_the_text(server):
    image = Image(url="data:image/png;base64,AAAA", detail="low")
    assert "AAAA" not in repr(image)
    chunks = await ask(server, [Message(role="user", text="What is it?", images=[image])])
    assert server.requests[0].body["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
    ]
    assert chunks[-1].finish_reason == "stop"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_reasoning_comes_apart_from_the_text(server, name):
    server.script(stream_of({name: "hm, "}, {name: "so"}, {"content": "7", name: None}))
    chunks = await ask(server)
    assert "".join(chunk.reasoning for chunk in chunks) == "hm, so"
    assert "".join(chunk.text for chunk in chunks) == "7"


def rejects(field):
    return Refusal(400, {"error": {"message": f"This {field} is unavailable now", "type": "invalid_request_error"}})


async def test_a_server_that_rejects_the_form_of_the_reply_is_asked_for_less_and_remembered(server):
    model = model_of(server)
    server.script(rejects("response_format type"), rejects("response_format type"), Completion("{}"), Completion("{}"))
    await ask(server, wish=Wish(format=SHAPE), model=model)
    await ask(server, wish=Wish(format=SHAPE), model=model)
    forms = [request.body.get("response_format") for request in server.requests]
    schema = {"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object"}, "strict": True}}
    assert forms == [schema, {"type": "json_object"}, None, None]


async def test_a_server_that_rejects_the_choice_of_a_tool_is_asked_without(server):
    server.script(rejects("tool_choice"), Completion("ok"))
    await ask(server, wish=Wish(tools=[SEARCH], tool_choice="required"))
    assert "tool_choice" not in server.requests[1].body
    assert server.requests[1].body["tools"]


async def test_a_server_that_takes_no_tools_says_so(server):
    server.script(rejects("parameter: tools"))
    with pytest.raises(BadModelRequest):
        await ask(server, wish=Wish(tools=[SEARCH]))


@pytest.mark.parametrize(
    ("written", "sent"), [("json_object", {"type": "json_object"}), ("text", None), ({"type": "x"}, {"type": "x"})]
)
async def test_the_form_of_the_reply_can_be_a_parameter(server, written, sent):
    await ask(server, parameters=ModelParameters.from_mapping({"response_format": written, "top_k": 5}))
    assert server.requests[0].body.get("response_format") == sent
    assert server.requests[0].body["top_k"] == 5


async def test_many_pieces_of_calls_are_put_together_quickly(server):
    server.script(stream_of(*(piece(0, "search" if not at else None, "x") for at in range(5_000))))
    began = time.monotonic()
    chunks = await ask(server, wish=Wish(tools=[SEARCH]))
    assert len(chunks[-1].tool_calls[0].arguments) == 5_000
    assert time.monotonic() - began < 5
