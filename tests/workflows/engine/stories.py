"""Recorded runs: a document, what the world said, and the events that followed.

A story in tests/stories/ guards two things: that the same run still tells the same, and that logs written by earlier
versions can still be read. One with a `goes_on` part is put aside for people, who reply as it says, and goes on from
its log. To record a story anew, after a change that was meant:

    PYTHONPATH=.:platform python -m tests.workflows.engine.stories tests/stories/NAME.json
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Event, NodeAnswered, NodeNoted, NodeWaiting, RunPaused, from_dict, to_dict
from apps.workflows.engine.graph import Plan, compile_plan
from apps.workflows.engine.http_port import HttpResponse
from apps.workflows.engine.past import Past
from apps.workflows.engine.ports import Passage, Ports, ToolCall
from apps.workflows.engine.replay import fold
from apps.workflows.engine.runner import Continuation, RunValues, execute
from apps.workflows.engine.tool_port import ToolInfo, ToolResult
from apps.workflows.nodes.registry import REGISTRY
from tests.workflows.engine.ports_for_tests import HeldTools, Reply, ScriptedHttp, ScriptedModel, ports

FOLDER = Path(__file__).resolve().parents[2] / "stories"


class StoryClock:
    """A clock that stands still, so that what is recorded does not depend on the day."""

    def now(self) -> float:
        return 1_750_000_000.25

    def elapsed(self) -> float:
        return 0.0


def plan_of(story: Mapping[str, Any]) -> Plan:
    """The compiled document of a story."""
    return compile_plan(story["document"], registry=REGISTRY)


async def tell(story: Mapping[str, Any]) -> list[Event]:
    """Run the story again."""
    random.seed(1)  # the jitter of retries
    events: list[Event] = []
    ported = world(story)
    values = RunValues(
        inputs=story.get("inputs", {}), sys=story.get("sys", {}), conversation=story.get("conversation", {})
    )

    async def go(goes_on: Continuation | None = None) -> Event:
        return await execute(
            plan_of(story),
            run=values,
            ports=ported,
            emit=lambda event: events.append(_still(event)),
            clock=StoryClock(),
            goes_on=goes_on,
        )

    last = await go()
    for replies in story.get("goes_on", ()):
        assert isinstance(last, RunPaused)
        events += [NodeAnswered(at=StoryClock().now(), **reply) for reply in replies]
        stored = [from_dict(json.loads(json.dumps(to_dict(event)))) for event in events]
        last = await go(Continuation(past=Past.of(stored), reason="answer"))
    return events


def _still(event: Event) -> Event:
    """What is made up anew in each run stands still, like the clock."""
    if isinstance(event, NodeWaiting) and "token" in event.asks:
        return replace(event, asks={**event.asks, "token": "token"})
    if isinstance(event, NodeNoted):
        times = {name: 0.0 for name in ("started_at", "latency") if name in event.body}
        return replace(event, body={**event.body, **times})
    return event


def world(story: Mapping[str, Any]) -> Ports:
    """The ports that say what the story says they said."""
    models = {name: [reply(written) for written in replies] for name, replies in story.get("models", {}).items()}
    tools = {name: (ToolInfo(name=name, **tool["info"]), _tool(tool)) for name, tool in story.get("tools", {}).items()}
    answers = [
        HttpResponse(**{**answer, "content": answer.get("content", "").encode()}) for answer in story.get("http", ())
    ]
    return ports(
        models=ScriptedModel(**models),
        passages=[Passage(**item) for item in story.get("passages", ())],
        http=ScriptedHttp(answers) if answers else None,
        tools=HeldTools(tools),
    )


def _tool(written: Mapping[str, Any]) -> Callable[..., ToolResult]:
    return lambda **_parameters: ToolResult(text=written["text"], json=written.get("json"))


def reply(written: Mapping[str, Any]) -> Reply:
    failure = written.get("failure")
    calls = [ToolCall(**call) for call in written.get("tool_calls", ())]
    return Reply(written["pieces"], failure=NodeFailure(**failure) if failure else None, tool_calls=calls)


def record(path: Path) -> None:
    """Write what happens now into the story."""
    story = json.loads(path.read_text())
    events = asyncio.run(tell(story))
    story["events"] = [to_dict(event) for event in events]
    story["state"] = asdict(fold(events, plan_of(story)))
    path.write_text(json.dumps(story, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        record(Path(name))
