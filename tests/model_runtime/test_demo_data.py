"""The demo model gives data and calls tools by what stands in the text, and makes nothing up."""

from __future__ import annotations

import json

import pytest

from model_runtime.providers.demo import DemoChatModel
from model_runtime.types import Format, Message, ModelParameters, Tool, ToolCall, Wish

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "Name of the person"},
        "email": {"type": "string"},
        "age": {"type": "integer", "description": "Age in years"},
        "newsletter": {"type": "boolean", "description": "Whether they want the newsletter"},
        "plan": {"type": "string", "enum": ["basic", "pro"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "email", "age"],
}
LETTER = (
    "My name is Ada Wood, I am 36 years old. Mail me at ada@wood.example, but no newsletter. I take pro. "
    "Tags: bees, wax"
)


async def reply(text, wish, *more, system="Do it."):
    messages = [Message(role="system", text=system), Message(role="user", text=text), *more]
    return [chunk async for chunk in DemoChatModel().stream(messages, parameters=ModelParameters(), wish=wish)]


async def data(text, schema, **more):
    chunks = await reply(text, Wish(format=Format(name="data", schema=schema)), **more)
    return json.loads("".join(chunk.text for chunk in chunks))


async def test_data_is_what_the_text_says():
    assert await data(LETTER, PERSON) == {
        "name": "Ada Wood",
        "email": "ada@wood.example",
        "age": 36,
        "newsletter": False,
        "plan": "pro",
        "tags": ["bees", "wax"],
    }


async def test_what_must_stand_and_is_not_said_is_empty():
    assert await data("Good morning.", PERSON) == {"name": "", "email": "", "age": 0}
    nullable = {"type": "object", "properties": {"age": {"type": ["integer", "null"]}}, "required": ["age"]}
    assert await data("Good morning.", nullable) == {"age": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My parcel has not arrived, where is it?", "shipping"),
        ("You charged my card twice", "billing"),
        ("账单上多扣费了", "billing"),
    ],
)
async def test_a_choice_is_the_one_that_the_text_speaks_for(text, expected):
    schema = {
        "type": "object",
        "properties": {"class": {"type": "string", "enum": ["c1", "c2"]}},
        "required": ["class"],
    }
    system = "Sort.\n- c1: Shipping and delivery of a parcel\n- c2: Billing, payment, 账单, charged twice"
    chosen = await data(f"<text>\n{text}\n</text>", schema, system=system)
    assert chosen == {"class": {"shipping": "c1", "billing": "c2"}[expected]}


CLOCK = Tool(
    name="time_now",
    description="Tells the current time in a time zone.",
    parameters={"type": "object", "properties": {"zone": {"type": "string"}}},
)
CALCULATOR = Tool(
    name="calculator",
    description="Works an arithmetic expression out.",
    parameters={
        "type": "object",
        "properties": {"expression": {"type": "string", "description": "An arithmetic expression"}},
        "required": ["expression"],
    },
)
TOOLS = Wish(tools=(CLOCK, CALCULATOR))


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("What time is it now?", "time_now", {}),
        ("What is 12 * (3 + 4)?", "calculator", {"expression": "12 * (3 + 4)"}),
    ],
)
async def test_a_tool_is_called_when_the_question_speaks_for_it(text, name, arguments):
    (chunk,) = await reply(text, TOOLS)
    (call,) = chunk.tool_calls
    assert (call.name, json.loads(call.arguments), chunk.finish_reason) == (name, arguments, "tool_calls")


async def test_no_tool_is_called_for_what_none_can_do():
    chunks = await reply("Who wrote Faust?", TOOLS)
    assert not any(chunk.tool_calls for chunk in chunks)
    assert "demo model" in "".join(chunk.text for chunk in chunks)


async def test_what_a_tool_gave_is_the_answer():
    call = ToolCall(id="c1", name="calculator", arguments='{"expression": "2*3"}')
    turns = (Message(role="assistant", text="", tool_calls=[call]), Message(role="tool", text="6", tool_call_id="c1"))
    chunks = await reply("What is 2*3?", TOOLS, *turns)
    assert "".join(chunk.text for chunk in chunks) == "The tool says: 6"


async def test_a_tool_that_must_be_called_is_called_with_what_is_there():
    wish = Wish(tools=(Tool(name="note", description="", parameters=PERSON),), tool_choice="note")
    (chunk,) = await reply("I am 36 years old.", wish)
    assert json.loads(chunk.tool_calls[0].arguments) == {"age": 36}
