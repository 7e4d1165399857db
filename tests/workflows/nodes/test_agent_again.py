"""An agent that goes on after its process died, or is tried again: no step is paid or done twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Event, NodeIntended, RunFinished, from_dict, to_dict
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.past import Past
from apps.workflows.engine.ports import ToolCall
from apps.workflows.engine.replay import fold
from apps.workflows.engine.runner import Continuation, RunValues, execute
from apps.workflows.engine.tool_port import ToolResult
from apps.workflows.nodes.registry import REGISTRY
from tests.workflows.engine.ports_for_tests import HeldTools, Reply, ScriptedModel, ports, tool
from tests.workflows.engine.runs import answer, document, node


class Cut(Exception):
    """The process is gone."""


def wants(*names: str, text: str = "") -> Reply:
    made = [ToolCall(id=f"c{at}", name="do_act", arguments=json.dumps({"what": n})) for at, n in enumerate(names)]
    return Reply([text] if text else [], tool_calls=made)


#: Two steps with three acts, and the answer.
SCRIPT = (wants("a", "b", text="First. "), wants("a", text="Then. "), Reply(["Done", "."]))


class Life:
    """An agent over several processes, each with a model that begins where the script says it must."""

    def __init__(self, *script: Reply, failures: Mapping[str, NodeFailure] | None = None, **config: Any) -> None:
        self.script = script or SCRIPT
        on_error = {"on_error": config.pop("on_error")} if "on_error" in config else {}
        agent = node(
            "agent",
            "agent",
            config={"model": {"name": "default"}, "query": "sys.query", "tools": [{"tool": "do/act"}], **config},
            **on_error,
        )
        self.document = document([agent, answer("say", "{{ agent.text }}")], "start>agent agent>say")
        self.acts: list[tuple[str, str]] = []
        self.asked: list[int] = []
        self.log: list[Event] = []

    def _tools(self) -> HeldTools:
        def act(what: str) -> ToolResult:
            return ToolResult(text=f"did {what}")

        return HeldTools(tool("do/act", act, acts=True, what={"type": "string"}))

    async def go(self, *, cut: int | None = None) -> Event | None:
        plan = compile_plan(self.document, registry=REGISTRY)
        stored = [from_dict(json.loads(json.dumps(to_dict(event)))) for event in self.log]
        goes_on = Continuation(past=Past.of(stored), reason="takeover") if stored else None
        paid = len({e["body"]["position"] for e in map(to_dict, self.log) if e["kind"] == "node_noted"})
        model, tools = ScriptedModel(default=list(self.script[paid:])), self._tools()

        def emit(event: Event) -> None:
            if cut is not None and len(self.log) >= cut:
                raise Cut
            self.log.append(event)

        values = RunValues(sys={"query": "q", "run_id": "r1"})
        try:
            return await execute(plan, run=values, ports=ports(models=model, tools=tools), emit=emit, goes_on=goes_on)
        except Cut:
            return None
        finally:
            self.asked.append(len(model.seen))
            self.acts += [(given["what"], key) for _, given, key in tools.seen]


async def test_wherever_the_process_dies_no_step_is_taken_twice() -> None:
    whole = Life()
    end = await whole.go()
    assert isinstance(end, RunFinished)
    assert (end.status, end.outputs["answer"]) == ("succeeded", "First. \n\nThen. \n\nDone.")
    keys = {key for _, key in whole.acts}
    assert len(keys) == 3  # the same act done twice on purpose has two keys
    for cut in range(1, len(whole.log)):
        life = Life()
        assert await life.go(cut=cut) is None
        again = await life.go()
        assert isinstance(again, RunFinished), cut
        assert (again.status, again.outputs, again.usage) == (end.status, end.outputs, end.usage), cut
        assert {key for _, key in life.acts} == keys, cut
        assert len(life.acts) <= 4, cut  # only what was announced and has no outcome is done again
        assert fold(life.log, compile_plan(life.document, registry=REGISTRY)).answer == end.outputs["answer"], cut
        intents = [event for event in life.log if isinstance(event, NodeIntended)]
        assert len({event.key for event in intents}) == 1, cut


async def test_an_act_without_an_outcome_is_not_done_twice_where_the_document_says_so() -> None:
    whole = Life()
    await whole.go()
    outcomes = []
    for cut in range(1, len(whole.log)):
        life = Life(on_error={"unknown": "fail"})
        await life.go(cut=cut)
        before = len(life.acts)
        end = await life.go()
        assert isinstance(end, RunFinished)
        done = [what for what, _ in life.acts]
        assert len(done) <= 3, cut
        outcomes.append(end.status)
        if end.status == "failed":
            assert end.error is not None
            assert end.error.code == "outcome_unknown"
            assert len(life.acts) == before
    assert set(outcomes) == {"succeeded", "failed"}


async def test_a_retry_goes_on_with_the_step_that_failed() -> None:
    broken = Reply([], failure=NodeFailure("provider_unavailable", "gone", retryable=True))
    life = Life(SCRIPT[0], broken, *SCRIPT[1:], on_error={"retry": {"times": 1, "first": "1ms"}})
    end = await life.go()
    assert isinstance(end, RunFinished)
    assert (end.status, end.outputs["answer"]) == ("succeeded", "First. \n\nThen. \n\nDone.")
    assert life.asked == [4]
    assert [what for what, _ in life.acts] == ["a", "b", "a"]


async def test_steps_of_another_question_do_not_count() -> None:
    life = Life(SCRIPT[0], *SCRIPT)  # one reply was paid in vain
    await life.go(cut=12)
    assert [what for what, _ in life.acts] == ["a", "b"]
    life.document["nodes"][1]["config"]["instruction"] = "Be brief."
    end = await life.go()
    assert isinstance(end, RunFinished)
    assert (end.status, life.asked[-1]) == ("succeeded", 3)
    assert [what for what, _ in life.acts[2:]] == ["a", "b", "a"]
