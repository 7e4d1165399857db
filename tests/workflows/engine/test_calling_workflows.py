"""Workflows that call each other: what crosses the border, failures, stops, limits, and going on."""

from __future__ import annotations

import asyncio
import time

from apps.workflows.engine.callee import Callee
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import (
    FrameFinished,
    FrameStarted,
    NodeAnswered,
    NodeFailed,
    NodeStarted,
    RunFinished,
    RunPaused,
)
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.past import Past
from apps.workflows.engine.ports import ToolCall
from apps.workflows.engine.runner import Continuation, Limits, RunValues, execute
from apps.workflows.engine.tool_port import ToolInfo
from tests.workflows.engine.ports_for_tests import Reply, ScriptedModel, ports
from tests.workflows.engine.runs import TEST_REGISTRY, document, node, play


def callee(name, written, *, check=dict, env=None):
    return Callee(
        info=ToolInfo(name=f"workflow/{name}", label=name, description=name, parameters={"type": "object"}),
        plan=compile_plan(written, registry=TEST_REGISTRY),
        check=check,
        version="v1",
        sys={"query": "", "app_id": name},
        env=env or {},
    )


def workflow(*nodes, edges, outputs, inputs=("word",)):
    written = document([*nodes, node("end", "end", config={"outputs": outputs})], edges, kind="workflow")
    written["inputs"] = [{"name": name, "type": "text", "default": "-"} for name in inputs]
    return written


def calling(name, **more):
    call = node("call", "tool", config={"tool": f"workflow/{name}", "parameters": {"word": "inputs.word"}}, **more)
    return workflow(call, edges="start>call call>end", outputs={"got": "call.json", "text": "call.text"})


SAY = workflow(
    node("say", config={"pieces": ["a", "b"]}),
    edges="start>say say>end",
    outputs={"said": "say.text", "word": "inputs.word", "app": "sys.app_id", "env": "env.key"},
)


async def test_a_workflow_runs_inside_the_run_with_values_of_its_own():
    callees = {"workflow/say": callee("say", SAY, env={"key": "inner"})}
    played = await play(calling("say"), inputs={"word": "bee"}, env={"key": "outer"}, callees=callees)
    assert played.finished.outputs["got"] == {"said": "ab", "word": "bee", "app": "say", "env": "inner"}
    assert "call:0/say" in played.order
    (begun,) = [event for event in played.events if isinstance(event, FrameStarted)]
    assert begun.values == {"workflow": "workflow/say", "version": "v1", "inputs": {"word": "bee"}}
    assert played.statuses()["call:0/say"] == "succeeded"


async def test_a_single_text_is_the_text_of_the_tool():
    only = workflow(node("say", config={"pieces": ["hi"]}), edges="start>say say>end", outputs={"said": "say.text"})
    played = await play(calling("only"), callees={"workflow/only": callee("only", only)})
    assert played.finished.outputs["text"] == "hi"


async def test_workflows_call_workflows():
    callees = {"workflow/middle": callee("middle", calling("say")), "workflow/say": callee("say", SAY)}
    played = await play(calling("middle"), inputs={"word": "deep"}, callees=callees)
    assert played.finished.outputs["got"]["got"]["word"] == "deep"
    assert "call:0/call:0/say" in played.order


async def test_a_workflow_that_is_not_there_fails_the_node_that_calls_it():
    played = await play(calling("gone"))
    assert played.finished.error.code == "workflow_not_found"


async def test_inputs_that_do_not_fit_fail_the_node_and_begin_nothing():
    def check(_given):
        raise NodeFailure("tool_parameters", "word is required")

    played = await play(calling("say"), callees={"workflow/say": callee("say", SAY, check=check)})
    assert played.finished.error.code == "tool_parameters"
    assert not [event for event in played.events if isinstance(event, FrameStarted)]


FAILING = workflow(
    node("bad", config={"pieces": ["x"], "fails": 1}), node("other", config={"naps": [9], "pieces": ["y"]}),
    edges="start>bad start>other bad>end other>end", outputs={"out": "bad.text"},
)  # fmt: skip


async def test_a_failure_inside_is_the_failure_of_the_caller_and_ends_what_else_runs_inside():
    played = await play(calling("bad"), callees={"workflow/bad": callee("bad", FAILING)})
    assert played.finished.status == "failed"
    assert played.finished.error.node_id == "call"
    assert played.finished.error.details["node_id"] == "bad"
    stopped = [event.node_id for event in played.events if isinstance(event, NodeFailed)]
    assert sorted(stopped) == ["bad", "call", "other"]


async def test_the_caller_may_go_on_where_a_workflow_fails():
    written = calling("bad", on_error={"then": "default", "outputs": {"text": "instead"}})
    played = await play(written, callees={"workflow/bad": callee("bad", FAILING)})
    assert played.finished.status == "partial-succeeded"
    assert played.finished.outputs["text"] == "instead"


async def test_the_caller_may_try_a_workflow_again_as_another_call():
    once = workflow(
        node("bad", config={"pieces": ["x"], "fails": 1}), edges="start>bad bad>end", outputs={"o": "bad.text"}
    )
    written = calling("bad", on_error={"retry": {"times": 1, "first": "1ms"}})
    played = await play(written, callees={"workflow/bad": callee("bad", once)})
    assert played.finished.status == "succeeded"
    assert [name for name in played.order if name.endswith("bad")] == ["call:0/bad", "call:1/bad"]


SLOW = workflow(
    node("slow", config={"naps": [60], "pieces": ["z"]}), edges="start>slow slow>end", outputs={"o": "slow.text"}
)


async def test_a_time_limit_of_the_caller_ends_the_workflow():
    played = await play(calling("slow", timeout="30ms"), callees={"workflow/slow": callee("slow", SLOW)})
    assert played.finished.error.code == "timeout"
    assert {event.node_id for event in played.events if isinstance(event, NodeFailed)} == {"call", "slow"}


async def test_a_stop_reaches_the_nodes_of_a_workflow_that_was_called():
    stop = asyncio.Event()
    task = asyncio.create_task(play(calling("slow"), callees={"workflow/slow": callee("slow", SLOW)}, stop=stop))
    await asyncio.sleep(0.05)
    stop.set()
    began = time.perf_counter()
    played = await task
    assert time.perf_counter() - began < 1
    assert played.finished.status == "stopped"
    assert played.statuses()["call:0/slow"] == "stopped"


async def test_one_stand_is_enough_for_callers_and_callees():
    callees = {"workflow/middle": callee("middle", calling("say")), "workflow/say": callee("say", SAY)}
    played = await play(calling("middle"), callees=callees, limits=Limits(max_parallel=1))
    assert played.finished.status == "succeeded"


async def test_steps_of_workflows_that_are_called_count():
    played = await play(calling("say"), callees={"workflow/say": callee("say", SAY)}, limits=Limits(steps=3))
    assert played.finished.error.code == "too_many_steps"


def asking():
    ask = node("ask", "human-input", config={"form": "?", "actions": [{"id": "ok", "title": "OK"}]})
    return workflow(ask, edges="start>ask ask>end:ok", outputs={"action": "ask.action"})


async def go(written, callees, goes_on=None):
    events = []
    plan = compile_plan(written, registry=TEST_REGISTRY)
    last = await execute(
        plan, run=RunValues(inputs={"word": "w"}), ports=ports(), emit=events.append, callees=callees, goes_on=goes_on
    )
    return events, last


async def test_a_workflow_that_asks_a_person_pauses_the_run_and_goes_on_with_the_reply():
    callees = {"workflow/ask": callee("ask", asking())}
    events, last = await go(calling("ask"), callees)
    assert isinstance(last, RunPaused)
    assert last.waiting[0]["frame"] == "call:0"
    reply = NodeAnswered(at=0, node_id="ask", frame="call:0", reply={"action": "ok"})
    more, last = await go(calling("ask"), callees, Continuation(past=Past.of([*events, reply]), reason="answer"))
    assert isinstance(last, RunFinished)
    assert last.outputs["got"] == {"action": "ok"}
    assert not [event for event in more if isinstance(event, FrameStarted)]  # that call is going on, not a new one


async def test_what_was_done_inside_is_not_done_again_by_another_process():
    callees = {"workflow/say": callee("say", SAY)}
    events, _ = await go(calling("say"), callees)
    at = next(place for place, event in enumerate(events) if isinstance(event, FrameFinished))
    more, last = await go(calling("say"), callees, Continuation(past=Past.of(events[:at]), reason="takeover"))
    assert last.outputs["got"]["said"] == "ab"
    assert [event.node_id for event in more if isinstance(event, NodeStarted)] == ["call", "end"]


async def test_an_agent_calls_a_workflow_as_a_tool():
    call = ToolCall(id="1", name="workflow_say", arguments='{"word": "bee"}')
    model = ScriptedModel(m=[Reply([], tool_calls=[call]), Reply(["Done."])])
    agent = node(
        "agent",
        "agent",
        config={
            "model": {"name": "m"},
            "strategy": "function_calling",
            "tools": [{"tool": "workflow/say"}],
            "query": "inputs.word",
        },
    )
    written = workflow(agent, edges="start>agent agent>end", outputs={"text": "agent.text"})
    played = await play(written, ports=ports(models=model), callees={"workflow/say": callee("say", SAY)})
    assert played.finished.outputs == {"text": "Done."}
    assert "agent:0/say" in played.order
