"""How an agent works on a question: its steps, what it tells of them, and where it stops."""

from __future__ import annotations

import json

import pytest

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import NodeIntended, NodeNoted, NodeText
from apps.workflows.engine.ports import PromptMessage, ToolCall
from apps.workflows.engine.tool_port import ToolResult
from tests.workflows.engine.ports_for_tests import HeldTools, Reply, ScriptedModel, ports, tool
from tests.workflows.engine.runs import answer, document, node, play


def calls(*wanted, text=""):
    made = [ToolCall(id=f"c{at}", name=name, arguments=json.dumps(given)) for at, (name, given) in enumerate(wanted)]
    return Reply([text] if text else [], tool_calls=made)


def add(a, b):
    return ToolResult(text=str(a + b), json={"sum": a + b})


ADD = tool("builtin/add", add, a={"type": "number"}, b={"type": "number"})


async def work(*replies, tools=None, query="What is 1 + 2?", **config):
    model = ScriptedModel(default=list(replies))
    held = HeldTools(tools if tools is not None else ADD)
    given = {"model": {"name": "default", "temperature": 0.1}, "query": "sys.query", "tools": [{"tool": "builtin/add"}]}
    agent = node("agent", "agent", config={**given, **config})
    played = await play(
        document([agent, answer("say", "{{ agent.text }}")], "start>agent agent>say"),
        ports=ports(models=model, tools=held),
        query=query,
    )
    return played, model, held


def notes(played):
    return [event.body for event in played.events if isinstance(event, NodeNoted) and event.note == "agent_thought"]


def outputs(played):
    return next(e.outputs for e in played.events if e.kind == "node_succeeded" and e.node_id == "agent")


async def test_an_agent_calls_functions_until_it_can_answer_and_tells_every_step():
    played, model, held = await work(
        calls(("builtin_add", {"a": 1, "b": 2}), text="Let me add."), Reply(["It is ", "3."]), instruction="Be brief."
    )
    assert held.seen == [("builtin/add", {"a": 1, "b": 2}, "")]
    assert played.finished.outputs["answer"] == "Let me add.\n\nIt is 3."
    first, second = model.seen
    assert [(m.role, m.text) for m in first.messages] == [("system", "Be brief."), ("user", "What is 1 + 2?")]
    assert first.tools[0].name == "builtin_add"
    assert [m.role for m in second.messages[2:]] == ["assistant", "tool"]
    assert second.messages[2].tool_calls[0].id == second.messages[3].tool_call_id == "c0"
    assert second.messages[3].text == "3"
    before, after, last = notes(played)
    assert (before["position"], before["tool"], before["observation"]) == (1, "builtin/add", "")
    assert (after["position"], after["tool_input"], after["observation"]) == (1, {"a": 1, "b": 2}, "3")
    assert (last["position"], last["thought"], last["tool"]) == (2, "It is 3.", "")
    assert after["usage"]["input_tokens"] == last["usage"]["input_tokens"] == 7
    assert (after["model"], after["provider"], after["parameters"]) == ("default-1", "scripted", {"temperature": 0.1})
    assert [thought["position"] for thought in outputs(played)["thoughts"]] == [1, 2]
    assert played.finished.usage.input_tokens == 14


async def test_what_was_streamed_is_the_text():
    played, _, _ = await work(
        calls(("builtin_add", {"a": 1, "b": 2}), text="<think>hm</think>First."), Reply(["Th", "ree <think>x</think>."])
    )
    streamed = "".join(e.text for e in played.events if isinstance(e, NodeText) and e.node_id == "agent")
    assert streamed == outputs(played)["text"] == played.finished.outputs["answer"]
    assert "think" not in streamed


async def test_a_model_without_tools_writes_down_what_to_do():
    played, model, held = await work(
        Reply(["Thought: add them\nAction: builtin_add\nAction ", 'Input: {"a": 1, "b": 2}\nObservation: 99']),
        Reply(["Thought: I know\nFinal ", "Answer:", " It is", " 3.", "\n"]),
        strategy="react",
        instruction="Be brief.",
    )
    assert held.seen == [("builtin/add", {"a": 1, "b": 2}, "")]
    assert outputs(played)["text"] == "It is 3."
    first, second = model.seen
    assert first.tools == ()
    assert "\nObservation:" in first.parameters["stop"]
    assert first.messages[0].text.startswith("Be brief.")
    assert "builtin_add" in first.messages[0].text
    assert second.messages[-2].text.endswith('{"a": 1, "b": 2}')
    assert second.messages[-1].text == "Observation: 3"
    assert [(n["position"], n["thought"], n["tool"]) for n in notes(played)] == [
        (1, "add them", "builtin/add"),
        (1, "add them", "builtin/add"),
        (2, "I know", ""),
    ]
    assert "".join(e.text for e in played.events if isinstance(e, NodeText) and e.node_id == "agent") == "It is 3."


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["No form at all."], "No form at all."),
        (["**Final Answer:** yes"], "yes"),
        (["Thought: well\nFinal Answer:\n\nTwo\n\nparts\n"], "Two\n\nparts"),
        (["Final Answer: ", "a\n", "\nb", "\nObservation: made up"], "a\n\nb"),
    ],
)
async def test_an_answer_is_found_however_it_is_written(pieces, text):
    played, _, _ = await work(Reply(pieces), strategy="react")
    assert outputs(played)["text"] == text


async def test_a_tool_that_fails_is_something_to_learn_from():
    def fails(**_given):
        raise NodeFailure("tool_failed", "no luck")

    played, model, _ = await work(
        calls(("builtin_add", {}), ("nothing", {})), Reply(["I give up."]), tools=tool("builtin/add", fails)
    )
    assert played.finished.status == "succeeded"
    assert "Error (tool_failed): no luck" in model.seen[1].messages[-2].text
    assert "There is no tool 'nothing'" in model.seen[1].messages[-1].text
    told = notes(played)[2]  # announced, with the first outcome, with both
    assert told["error"] == "tool_failed"
    assert [each["tool"] for each in told["tool_input"]["calls"]] == ["builtin/add", "nothing"]


async def test_arguments_that_are_no_json_are_told_to_the_model():
    broken = Reply([], tool_calls=[ToolCall(id="c", name="builtin_add", arguments="{broken")])
    _, model, held = await work(broken, Reply(["ok"]))
    assert held.seen == []
    assert "no JSON object" in model.seen[1].messages[-1].text


async def test_an_agent_stops_after_its_steps_and_says_what_it_knows():
    again = calls(("builtin_add", {"a": 1, "b": 2}))
    played, model, held = await work(again, again, Reply(["That is all."]), max_steps=2)
    assert len(held.seen) == 2
    assert [request.tool_choice for request in model.seen] == ["auto", "auto", "none"]
    assert outputs(played)["text"] == "That is all."
    played, model, held = await work(again, max_steps=3)  # it never stops by itself
    assert (len(model.seen), len(held.seen)) == (4, 3)
    assert played.finished.status == "succeeded"


async def test_fixed_parameters_are_not_the_models_to_choose_and_secrets_stay_hidden():
    def search(query, key):
        return ToolResult(text=f"found {query} with {key}")

    tools = tool("builtin/search", search, query={"type": "string"}, key={"type": "string"})
    played, model, held = await _search(tools)
    assert list(model.seen[0].tools[0].parameters["properties"]) == ["query"]
    assert held.seen[0][1] == {"query": "bees", "key": "hunter2"}
    assert "hunter2" not in json.dumps([*notes(played), outputs(played)])


async def _search(tools):
    model = ScriptedModel(default=[calls(("builtin_search", {"query": "bees", "key": "mine"})), Reply(["Done."])])
    held = HeldTools(tools)
    config = {
        "model": {"name": "default"},
        "query": "sys.query",
        "tools": [{"tool": "builtin/search", "parameters": {"key": "env.key"}}, {"tool": "x/gone", "enabled": False}],
    }
    played = await play(
        document([node("agent", "agent", config=config), answer("say", "{{ agent.text }}")], "start>agent agent>say"),
        ports=ports(models=model, tools=held),
        query="bees?",
        env={"key": "hunter2"},
    )
    return played, model, held


async def test_every_act_is_announced_and_has_a_key_of_its_own():
    tools = tool("builtin/add", lambda **_given: ToolResult(text="ok"), acts=True)
    same, other = ("builtin_add", {"a": 1}), ("builtin_add", {"a": 2})
    keys = []
    for _ in range(2):
        played, _, held = await work(calls(same, other), calls(same), Reply(["Done."]), tools=tools)
        assert sum(isinstance(event, NodeIntended) for event in played.events) >= 1
        keys.append([key for _, _, key in held.seen])
        assert len(set(keys[-1])) == 3
        assert all(keys[-1])
    assert keys[0] == keys[1]


async def test_earlier_turns_come_before_the_question():
    turns = [PromptMessage(role="user", text="Hi"), PromptMessage(role="assistant", text="Hello")]
    model = await _with_memory(turns)
    assert [message.text for message in model.seen[0].messages] == ["Hi", "Hello", "And now?"]


async def _with_memory(turns):
    model = ScriptedModel(default=Reply(["3"]))
    config = {"model": {"name": "default"}, "query": "sys.query", "memory": {"window": 3}}
    await play(
        document([node("agent", "agent", config=config), answer("say", "{{ agent.text }}")], "start>agent agent>say"),
        ports=ports(models=model, memory=turns),
        query="And now?",
    )
    return model


async def test_a_tool_that_is_not_there_and_an_empty_question_fail_the_node():
    played, _, _ = await work(Reply(["x"]), tools={})
    assert played.finished.error.code == "tool_not_found"
    played, _, _ = await work(Reply(["x"]), query="  ")
    assert played.finished.error.code == "missing_value"
