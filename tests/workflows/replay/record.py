"""Records the stories of this directory anew, after a change that was meant:

    PYTHONPATH=.:platform python -m tests.workflows.replay.record [NAME ...]

Each is a run of the engine with ports that say what is written here; what happens then is in stories/.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.workflows.dsl import compile_document
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Event, NodeAnswered, RunPaused
from apps.workflows.engine.http_port import HttpResponse
from apps.workflows.engine.journal import decode, encode
from apps.workflows.engine.past import Past
from apps.workflows.engine.ports import Ports, ToolCall
from apps.workflows.engine.runner import Continuation, RunValues, execute
from apps.workflows.engine.story import Story, story_to_dict
from apps.workflows.engine.tool_port import ToolResult
from tests.workflows.engine.ports_for_tests import HeldTools, Reply, ScriptedHttp, ScriptedModel, ports, tool
from tests.workflows.engine.runs import answer, body, document, each, node

STORIES = Path(__file__).parent / "stories"
RETRY = {"retry": {"times": 3, "first": "1ms", "backoff": "fixed"}}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A document, what the world says to it, and what people reply."""

    document: Mapping[str, Any]
    ports: Ports = field(default_factory=ports)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    conversation: Mapping[str, Any] = field(default_factory=dict)
    replies: Sequence[Mapping[str, Any]] = ()


def gather(name: str, *variables: str, **more: Any) -> dict[str, Any]:
    return node(name, "variable-aggregator", config={"variables": list(variables)}, **more)


def end(**outputs: str) -> dict[str, Any]:
    return node("end", "end", config={"outputs": outputs})


def request(name: str, **more: Any) -> dict[str, Any]:
    return node(
        name, "http-request", config={"method": "GET", "url": "https://example.org/", **more.pop("config", {})}, **more
    )


def ask(text: str, model: str = "demo") -> dict[str, Any]:
    return {"model": {"name": model}, "prompt": [{"role": "user", "text": text}]}


def _case(name: str, left: str, right: str) -> dict[str, Any]:
    return {"id": name, "conditions": [{"left": left, "op": "is", "right": right}]}


def _broken() -> NodeFailure:
    return NodeFailure("http_unreachable", "Nobody is there.", retryable=True)


def _add(variable: str, value: Any) -> dict[str, Any]:
    return {"items": [{"variable": variable, "operation": "add", "value": value}]}


def scenes() -> dict[str, Scene]:
    """All of them, by name."""
    return {
        "branches": Scene(
            document=document(
                [
                    node("which", "if-else", config={"cases": [_case("tea", "inputs.drink", "tea")]}),
                    gather("pot", "inputs.drink"),
                    gather("cup", "inputs.drink"),
                    gather("either", "pot.output", "cup.output"),
                    end(drink="either.output"),
                ],
                "start>which which>pot:tea which>cup:else pot>either cup>either either>end",
                kind="workflow",
                inputs=[{"name": "drink", "type": "text", "default": "tea"}],
            ),
            inputs={"drink": "coffee"},
        ),
        "failure-with-default": Scene(
            document=document(
                [
                    request("page", on_error={"then": "default", "outputs": {"body": "nothing", "status": 0}}),
                    end(body="page.body", why="page.error.code"),
                ],
                "start>page page>end",
                kind="workflow",
            ),
            ports=ports(http=ScriptedHttp([NodeFailure("http_unreachable", "Nobody is there.")])),
        ),
        "fail-branch": Scene(
            document=document(
                [
                    request("page", on_error={"then": "branch"}),
                    answer("good", "{{ page.body }}"),
                    answer("bad", "Sorry: {{ page.error.message }}"),
                ],
                "start>page page>good page>bad:error",
            ),
            ports=ports(http=ScriptedHttp([NodeFailure("http_timeout", "Too slow.")])),
            query="hello",
        ),
        "retry": Scene(
            document=document(
                [request("page", on_error=RETRY), end(body="page.body")], "start>page page>end", kind="workflow"
            ),
            ports=ports(
                http=ScriptedHttp(
                    [_broken(), _broken(), HttpResponse(status=200, url="https://example.org/", content=b"ok")]
                )
            ),
        ),
        "unhandled-failure": Scene(
            document=document(
                [request("page"), gather("beside", "sys.run_id"), end(body="page.body", beside="beside.output")],
                "start>page start>beside page>end beside>end",
                kind="workflow",
            ),
            ports=ports(http=ScriptedHttp([NodeFailure("http_unreachable", "Nobody is there.")])),
        ),
        "iteration-in-parallel": Scene(
            document=document(
                [
                    each(
                        "each",
                        "inputs.words",
                        [
                            request("page", config={"url": "https://example.org/{{ item }}"}),
                            gather("kept", "page.body"),
                        ],
                        "page>kept",
                        collect="kept.output",
                        parallel=3,
                        on_item_error="continue",
                    ),
                    end(all="each.output"),
                ],
                "start>each each>end",
                kind="workflow",
                inputs=[{"name": "words", "type": "json", "default": ["a", "b", "c", "d"]}],
            ),
            ports=ports(
                http=ScriptedHttp(
                    [
                        HttpResponse(status=200, url="", content=b"one"),
                        NodeFailure("http_unreachable", "Nobody is there."),
                        HttpResponse(status=200, url="", content=b"three"),
                        HttpResponse(status=200, url="", content=b"four"),
                    ]
                )
            ),
        ),
        "loop-with-variables": Scene(
            document=document(
                [
                    node(
                        "again",
                        "loop",
                        config={
                            "rounds": 10,
                            "variables": {"total": {"type": "number", "value": 1}},
                            "until": [{"left": "loop.total", "op": ">", "right": 7}],
                            "body": body(
                                [node("more", "assigner", config=_add("loop.total", 2)), gather("seen", "loop.total")],
                                "more>seen",
                            ),
                        },
                    ),
                    end(total="again.total", rounds="again.loop_round"),
                ],
                "start>again again>end",
                kind="workflow",
            ),
        ),
        "asked-and-answered": Scene(
            document=document(
                [
                    gather("beside", "inputs.sum"),
                    node(
                        "ask",
                        "human-input",
                        config={
                            "form": "Pay {{ inputs.sum }}?",
                            "fields": [{"name": "note", "type": "text"}],
                            "actions": [{"id": "yes", "title": "Pay"}, {"id": "no", "title": "Do not"}],
                        },
                    ),
                    node("paid", "end", config={"outputs": {"note": "ask.note", "sum": "beside.output"}}),
                    node("refused", "end", config={"outputs": {"said": "ask.action"}}),
                ],
                "start>beside start>ask ask>paid:yes beside>paid ask>refused:no",
                kind="workflow",
                inputs=[{"name": "sum", "type": "number", "default": 100}],
            ),
            replies=[{"action": "yes", "note": "fine"}],
        ),
        "agent-with-tools": Scene(
            document=document(
                [
                    node(
                        "agent",
                        "agent",
                        config={
                            "model": {"name": "demo"},
                            "strategy": "function_calling",
                            "tools": [{"tool": "builtin/calculator"}],
                            "query": "sys.query",
                        },
                    ),
                    answer("say", "{{ agent.text }}"),
                ],
                "start>agent agent>say",
            ),
            ports=ports(
                models=ScriptedModel(
                    demo=[
                        Reply([], tool_calls=[ToolCall(id="1", name="calculator", arguments='{"expression": "6*7"}')]),
                        Reply(["It is ", "42."]),
                    ]
                ),
                tools=HeldTools(
                    tool("builtin/calculator", lambda expression: ToolResult(text="42"), expression={"type": "string"})
                ),
            ),
            query="What is 6 times 7?",
        ),
        "skipped-and-joined": Scene(
            document=document(
                [
                    node("which", "if-else", config={"cases": [_case("a", "inputs.way", "a")]}),
                    gather("left", "inputs.way"),
                    gather("right", "inputs.way"),
                    gather("never", "right.output"),
                    gather("first", "left.output", "right.output", join="first"),
                    gather("both", "left.output", join="all"),
                    end(first="first.output", both="both.output"),
                ],
                "start>which which>left:a which>right:else right>never left>first right>first "
                "left>both right>both first>end both>end",
                kind="workflow",
                inputs=[{"name": "way", "type": "text", "default": "a"}],
            ),
        ),
        "conversation-with-a-model": Scene(
            document=document(
                [
                    node("count", "assigner", config=_add("conversation.turns", 1)),
                    node("reply", "llm", config=ask("{{ sys.query }}")),
                    answer("say", "{{ conversation.turns }}. {{ reply.text }}"),
                ],
                "start>count count>reply reply>say",
                variables={"conversation": [{"name": "turns", "type": "number", "default": 0}]},
            ),
            ports=ports(models=ScriptedModel(demo=Reply(["A skep ", "is a hive."]))),
            query="What is a skep?",
            conversation={"turns": 2},
        ),
    }


async def perform(scene: Scene) -> list[Event]:
    """What happens."""
    events: list[Event] = []
    values = RunValues(
        inputs=scene.inputs, sys={"query": scene.query, "run_id": "run"}, conversation=scene.conversation
    )
    replies = list(scene.replies)
    goes_on: Continuation | None = None
    while True:
        last = await execute(
            compile_document(scene.document), run=values, ports=scene.ports, emit=events.append, goes_on=goes_on
        )
        if not isinstance(last, RunPaused) or not replies:
            return events
        waiting = last.waiting[0]
        reply = NodeAnswered(at=last.at, node_id=waiting["node_id"], frame=waiting["frame"], reply=replies.pop(0))
        events.append(reply)
        goes_on = Continuation(past=Past.of(events), reason="answer")


def record(name: str, scene: Scene) -> None:
    """Write one story, as a log would have it."""
    happened = enumerate(asyncio.run(perform(scene)), start=1)
    events = [event for _, event in decode(encode(happened))]
    story = Story(name=name, document=scene.document, events=events, conversation=scene.conversation)
    text = json.dumps(story_to_dict(story), indent=1, ensure_ascii=False)
    (STORIES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    for chosen, written in scenes().items():
        if not sys.argv[1:] or chosen in sys.argv[1:]:
            record(chosen, written)
