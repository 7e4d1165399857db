"""What a new run does to the world: nothing of what it reuses, and the rest under keys of its own."""

from __future__ import annotations

from typing import Any

from apps.workflows.dsl import compile_document
from apps.workflows.engine.events import Event, NodeIntended, RunFinished
from apps.workflows.engine.forking import all_but, reuse, up_to
from apps.workflows.engine.http_port import HttpResponse
from apps.workflows.engine.past import Past
from apps.workflows.engine.runner import Continuation, RunValues, execute
from tests.workflows.engine.ports_for_tests import ScriptedHttp, ports
from tests.workflows.engine.runs import document, node


def _post(name: str) -> dict[str, Any]:
    return node(name, "http-request", config={"method": "POST", "url": f"https://example.org/{name}"})


PLAN = compile_document(
    document(
        [_post("first"), _post("second"), node("end", "end", config={"outputs": {"a": "first.status"}})],
        "start>first first>second second>end",
        kind="workflow",
    )
)


async def run(name: str, past: list[Event] | None = None) -> tuple[list[Event], list[str]]:
    """What is told of a run, and what it sent where."""
    events: list[Event] = list(past or [])
    http = ScriptedHttp([HttpResponse(status=200, url="")])
    finished = await execute(
        PLAN,
        run=RunValues(sys={"run_id": name}),
        ports=ports(http=http),
        emit=events.append,
        goes_on=Continuation(past=Past.of(past), reason="fork") if past else None,
    )
    assert isinstance(finished, RunFinished)
    assert finished.status == "succeeded"
    return events, [request.url for request in http.seen]


def keys(events: list[Event]) -> dict[str, str]:
    return {event.node_id: event.key for event in events if isinstance(event, NodeIntended)}


async def test_only_what_is_done_anew_is_sent_and_under_another_key():
    parent, sent = await run("parent")
    assert sent == ["https://example.org/first", "https://example.org/second"]
    numbered = list(enumerate(parent, start=1))
    choice = all_but(PLAN, last=len(parent), frame="", node_id="second")
    reused = reuse(numbered, choice, plan=PLAN, at=1.0, inputs={})
    events, sent = await run("child", list(reused.events))
    assert sent == ["https://example.org/second"]
    assert set(keys(events)) == {"second"}
    assert keys(events)["second"] != keys(parent)["second"]


async def test_an_act_that_was_announced_only_is_done_anew():
    parent, _ = await run("parent")
    announced = next(
        seq for seq, event in enumerate(parent, start=1) if isinstance(event, NodeIntended) and event.node_id == "first"
    )
    reused = reuse(list(enumerate(parent, start=1)), up_to(announced), plan=PLAN, at=1.0, inputs={})
    events, sent = await run("child", list(reused.events))
    assert len(sent) == 2
    assert not set(keys(events).values()) & set(keys(parent).values())
