"""Recorded runs: a document, what the world said, and the events that followed.

A story in tests/stories/ guards two things: that the same run still tells the same, and that logs written by earlier
versions can still be read. To record one anew, after a change that was meant:

    PYTHONPATH=.:platform python -m tests.workflows.engine.stories tests/stories/NAME.json
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Event, to_dict
from apps.workflows.engine.graph import Plan, compile_plan
from apps.workflows.engine.ports import Passage, Ports
from apps.workflows.engine.replay import fold
from apps.workflows.engine.runner import RunValues, execute
from apps.workflows.nodes.registry import REGISTRY
from tests.workflows.engine.ports_for_tests import Reply, ScriptedModel, ports

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
    values = RunValues(inputs=story.get("inputs", {}), sys=story.get("sys", {}))
    await execute(plan_of(story), run=values, ports=world(story), emit=events.append, clock=StoryClock())
    return events


def world(story: Mapping[str, Any]) -> Ports:
    """The ports that say what the story says they said."""
    models = {name: [reply(written) for written in replies] for name, replies in story.get("models", {}).items()}
    return ports(models=ScriptedModel(**models), passages=[Passage(**item) for item in story.get("passages", ())])


def reply(written: Mapping[str, Any]) -> Reply:
    failure = written.get("failure")
    return Reply(written["pieces"], failure=NodeFailure(**failure) if failure else None)


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
