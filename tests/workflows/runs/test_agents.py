"""An agent in a real run: its steps in the stream, in the log's messages, and its answer in the end."""

from __future__ import annotations

import httpx

from tests.model_runtime.openai_server import Completion
from tests.workflows.api.test_chat import sse

HELPER = """
skep: 1
app: {name: Helper, kind: chat}
nodes:
  - {id: start, type: start}
  - id: helper
    type: agent
    config:
      model: {name: default}
      strategy: react
      query: sys.query
      tools: [{tool: builtin/calculator}]
  - {id: say, type: answer, config: {text: "{{ helper.text }}"}}
edges: [{from: start, to: helper}, {from: helper, to: say}]
"""


def test_an_agent_works_things_out_and_everybody_can_see_how(web, provider, make_app, key_of):
    provider.script(
        Completion('Thought: multiply\nAction: builtin_calculator\nAction Input: {"expression": "6*7"}'),
        Completion("Thought: I know\nFinal Answer: It is 42."),
    )
    headers = key_of(make_app(HELPER))
    body = {"query": "Six times seven?", "inputs": {}, "user": "ada", "response_mode": "streaming"}
    frames = [
        frame for _, frame in sse(httpx.post(f"{web.base}/v1/chat-messages", json=body, headers=headers, timeout=30))
    ]
    thoughts = [frame for frame in frames if frame["event"] == "agent_thought"]
    assert [(each["position"], each["tool"], each["observation"]) for each in thoughts] == [
        (1, "builtin/calculator", ""),
        (1, "builtin/calculator", "42"),
        (2, "", ""),
    ]
    assert "".join(frame["answer"] for frame in frames if frame["event"] == "agent_message") == "It is 42."
    conversation_id = frames[0]["conversation_id"]
    params = {"conversation_id": conversation_id, "user": "ada"}
    (message,) = httpx.get(f"{web.base}/v1/messages", params=params, headers=headers).json()["data"]
    assert message["answer"] == "It is 42."
    assert [(each["position"], each["observation"]) for each in message["agent_thoughts"]] == [(1, "42"), (2, "")]
    assert message["agent_thoughts"][0]["id"] == thoughts[0]["id"]
