"""The steps of an agent: as rows of a trace, and as frames on the wire."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from apps.traces.models import AgentThought, Span
from apps.traces.recorder.fold import fold
from apps.traces.recorder.store import write
from apps.workflows.engine.ports import ToolCall
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.engine.tool_port import ToolResult
from apps.workflows.streaming.wire import Encoder
from support.database import in_thread
from support.ids import uuid7
from tests.workflows.engine.ports_for_tests import HeldTools, Reply, ScriptedModel, ports, tool
from tests.workflows.engine.runs import answer, document, node, play

CONFIG = {
    "model": {"name": "default", "temperature": 0.1},
    "query": "sys.query",
    "tools": [{"tool": "builtin/add"}],
}
WRITTEN = document([node("agent", "agent", config=CONFIG), answer("say", "{{ agent.text }}")], "start>agent agent>say")
INFO = RunInfo(
    run_id=uuid7(),
    team_id=uuid4(),
    application_id=uuid4(),
    application_name="Helper",
    application_slug="helper",
    version_id=uuid4(),
    version_number=1,
    kind="chat",
    source="api",
    end_user="ada",
    query="1 + 2?",
    conversation_id=uuid7(),
    message_id=uuid7(),
    nodes={each["id"]: {"type": each["type"], "title": each["id"]} for each in WRITTEN["nodes"]},
)


async def events():
    wants = Reply(["Let me add."], tool_calls=[ToolCall(id="c", name="builtin_add", arguments='{"a": 1, "b": 2}')])
    held = HeldTools(tool("builtin/add", lambda a, b: ToolResult(text=str(a + b))))
    model = ScriptedModel(default=[wants, Reply(["It is 3."])])
    played = await play(WRITTEN, ports=ports(models=model, tools=held), query="1 + 2?")
    return played.events


@pytest.mark.django_db(databases=["default", "traces"], transaction=True)
async def test_every_step_is_a_row_with_what_it_took():
    record = fold(INFO, enumerate(await events(), start=1))
    await in_thread(write, [record])
    first, second = await in_thread(lambda: list(AgentThought.objects.order_by("position")))
    assert (first.position, first.thought, first.tool) == (1, "Let me add.", "builtin/add")
    assert (first.tool_input, first.observation) == ({"a": 1, "b": 2}, "3")
    assert (second.position, second.thought, second.tool, second.tool_input) == (2, "It is 3.", "", {})
    for thought in (first, second):
        assert (thought.input_tokens, thought.output_tokens) == (7, 3)
        assert (thought.model, thought.provider, thought.parameters) == ("default-1", "scripted", {"temperature": 0.1})
        assert thought.message_id == INFO.message_id
        assert thought.latency_us >= 0
        assert thought.price is None
    span = await in_thread(Span.objects.get, node_id="agent")
    assert first.span_id == second.span_id == span.id
    assert span.input_tokens == 14


async def test_steps_that_were_paid_for_are_kept_when_the_agent_begins_anew():
    told = await events()
    notes = [event for event in told if event.kind == "node_noted"]
    at = told.index(notes[-1]) + 1
    record = fold(INFO, enumerate([*told[:at], *notes, *told[at:]], start=1))
    assert [thought.tool for thought in record.thoughts] == ["builtin/add", "", "builtin/add", ""]


async def test_clients_see_the_steps_as_they_know_them_and_visitors_do_not():
    told = await events()
    detailed, public = Encoder(INFO), Encoder(INFO, detailed=False)
    frames = [frame for event in told for frame in detailed.encode(event)]
    thoughts = [frame for frame in frames if frame["event"] == "agent_thought"]
    asked, answered, last = thoughts
    assert asked["id"] == answered["id"] != last["id"]
    assert (asked["tool"], asked["observation"]) == ("builtin/add", "")
    assert (answered["observation"], json.loads(answered["tool_input"])) == ("3", {"a": 1, "b": 2})
    assert answered["message_id"] == str(INFO.message_id)
    said = "".join(frame["answer"] for frame in frames if frame["event"] == "agent_message")
    assert said == "Let me add.\n\nIt is 3."
    assert not [frame for frame in frames if frame["event"] == "message"]
    seen = [frame for event in told for frame in public.encode(event)]
    assert not [frame for frame in seen if frame["event"] == "agent_thought"]
    assert "".join(frame["answer"] for frame in seen if frame["event"] == "agent_message") == said
