"""A run: what follows what, failures and their policies, retries, time limits, and stopping."""

from __future__ import annotations

import asyncio
import time

import pytest

from apps.workflows.engine.events import AnswerReplaced, AnswerText, Event, NodeFailed, NodeSucceeded, RunFinished
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.replay import fold
from apps.workflows.engine.runner import Limits, RunValues, execute
from tests.workflows.engine.ports_for_tests import Reply, ScriptedModel, busy, ports
from tests.workflows.engine.runs import TEST_REGISTRY, answer, document, node, play


def llm(name, model="m", **more):
    return node(name, "llm", config={"model": {"name": model}, "prompt": [{"role": "user", "text": "Hi"}]}, **more)


async def test_a_chain_runs_in_order_and_its_answer_is_the_output():
    played = await play(
        document([node("a", config={"pieces": ["x"]}), answer("say", "{{ a.text }}!")], "start>a a>say")
    )
    assert played.order == ["start", "a", "say"]
    assert played.finished.status == "succeeded"
    assert played.finished.outputs == {"answer": "x!"}


async def test_a_workflow_gives_the_outputs_of_its_end_nodes_merged():
    nodes = [
        node("a", config={"pieces": ["1"]}),
        node("one", "end", config={"outputs": {"x": "a.text"}}),
        node("two", "end", config={"outputs": {"y": "<{{ a.text }}>", "z": "a.nothing"}}),
    ]
    played = await play(document(nodes, "start>a a>one a>two", kind="workflow"))
    assert played.finished.outputs == {"x": "1", "y": "<1>", "z": None}


async def test_declared_inputs_have_their_defaults():
    written = document([answer("say", "{{ inputs.tone }}/{{ inputs.who }}/{{ start.who }}")], "start>say")
    written["inputs"] = [{"name": "tone", "type": "text", "default": "plain"}, {"name": "who", "type": "text"}]
    played = await play(written, inputs={"who": "Ada"})
    assert played.finished.outputs["answer"] == "plain/Ada/Ada"


async def test_siblings_run_at_the_same_time_up_to_the_limit():
    nodes = [node(f"n{i}", config={"pieces": ["x"], "naps": [0.1]}) for i in range(6)]
    edges = " ".join(f"start>n{i} n{i}>say" for i in range(6))
    written = document([*nodes, answer("say", "done")], edges)
    for limit, rounds in [(32, 1), (3, 2), (1, 6)]:
        began = time.perf_counter()
        await play(written, limits=Limits(max_parallel=limit))
        took = time.perf_counter() - began
        assert 0.1 * rounds <= took < 0.1 * rounds + 0.35


async def test_the_longest_way_goes_first_when_the_limit_binds():
    nodes = [node("short"), node("long"), node("longer"), answer("say", "done")]
    played = await play(
        document(nodes, "start>short start>long long>longer longer>say short>say"), limits=Limits(max_parallel=1)
    )
    assert played.order == ["start", "long", "short", "longer", "say"]


async def test_an_unhandled_failure_fails_the_run_and_stops_its_siblings():
    nodes = [node("bad", config={"fails": 1}), node("slow", config={"pieces": ["x"], "naps": [5]}), answer("say", "")]
    began = time.perf_counter()
    played = await play(document(nodes, "start>bad start>slow bad>say slow>say"))
    assert time.perf_counter() - began < 1
    assert played.finished.status == "failed"
    assert (played.finished.error.code, played.finished.error.node_id) == ("told_to", "bad")
    assert played.statuses() == {"start": "succeeded", "bad": "failed", "slow": "stopped"}


async def test_a_failure_can_take_the_error_branch_and_say_why():
    nodes = [
        node("bad", config={"fails": 1, "pieces": ["half"]}, on_error={"then": "branch"}),
        answer("say", "{{ bad.text }}"),
        answer("sorry", "{{ bad.error.code }}: {{ bad.error.message }}"),
    ]
    played = await play(document(nodes, "start>bad bad>say bad>sorry:error"))
    assert played.finished.status == "partial-succeeded"
    assert played.finished.outputs["answer"] == "told_to: told to fail"
    assert played.statuses()["say"] == "skipped"
    failed = next(event for event in played.events if isinstance(event, NodeFailed))
    assert failed.handled
    assert failed.outputs == {"text": "half"}


async def test_a_failure_can_be_replaced_by_default_outputs():
    policy = {"then": "default", "outputs": {"text": "instead"}}
    nodes = [node("bad", config={"fails": 1, "pieces": ["half"]}, on_error=policy), answer("say", "[{{ bad.text }}]")]
    played = await play(document(nodes, "start>bad bad>say"))
    assert played.finished.status == "partial-succeeded"
    assert played.finished.outputs["answer"] == "[instead]"
    assert played.reading == ["[", "half", "=[", "instead", "]"]


async def test_a_retry_does_not_delay_the_siblings_even_with_one_worker():
    nodes = [
        node("flaky", config={"fails": 1}, on_error={"retry": {"times": 1, "first": "400ms"}}),
        node("b"),
        node("c"),
        answer("say", "ok"),
    ]
    written = document(nodes, "start>flaky start>b b>c c>say flaky>say")
    for limit in (1, 8):
        began = time.perf_counter()
        played = await play(written, limits=Limits(max_parallel=limit))
        assert played.finished.status == "succeeded"
        at = {event.node_id: event.at for event in played.events if isinstance(event, NodeSucceeded)}
        assert at["c"] - at["start"] < 0.2
        assert at["flaky"] - at["start"] > 0.25
        assert time.perf_counter() - began < 2


async def test_the_reader_of_a_retried_stream_ends_with_exactly_the_final_text():
    model = ScriptedModel(m=[Reply(["Hel", "lo wor"], failure=busy()), Reply(["Good ", "day"])])
    retry = {"retry": {"times": 2, "first": "5ms", "on": ["rate_limited"]}}
    written = document([llm("ask", on_error=retry), answer("say", "> {{ ask.text }} <")], "start>ask ask>say")
    played = await play(written, ports=ports(models=model))
    assert played.reading == ["> ", "Hel", "lo wor", "=> ", "Good ", "day", " <"]
    assert played.finished.status == "succeeded"
    assert played.finished.outputs["answer"] == "> Good day <"
    assert not [event for event in played.events if isinstance(event, NodeFailed)]


async def test_retries_end_and_only_for_the_codes_that_were_named():
    for code, tries in [("rate_limited", 3), ("refused", 1)]:
        policy = {"retry": {"times": 2, "first": "1ms", "backoff": "fixed", "on": ["rate_limited"]}}
        nodes = [node("bad", config={"fails": 9, "pieces": ["x"], "code": code}, on_error=policy), answer("say", "")]
        played = await play(document(nodes, "start>bad bad>say"))
        assert played.finished.status == "failed"
        assert [event.node_id for event in played.events if event.kind == "node_text"] == ["bad"] * tries
        assert [event.error.code for event in played.events if isinstance(event, NodeFailed)] == [code]


async def test_tokens_of_every_try_of_every_node_are_counted():
    broken = Reply(["x"], failure=busy(), counts_first=True)
    retry = {"retry": {"times": 1, "first": "1ms"}}
    for replies, status, tokens in [([broken, Reply(["y"])], "succeeded", 30), ([broken, broken], "failed", 20)]:
        model = ScriptedModel(flaky=replies, m=Reply(["z"]))
        nodes = [llm("one", "flaky", on_error=retry), llm("two"), answer("say", "{{ one.text }}{{ two.text }}")]
        played = await play(document(nodes, "start>one one>two two>say"), ports=ports(models=model))
        assert (played.finished.status, played.finished.usage.total_tokens) == (status, tokens)


async def test_a_node_that_takes_too_long_fails_with_timeout():
    nodes = [
        node("slow", config={"pieces": ["a", "b"], "naps": [0, 5]}, timeout="30ms"),
        answer("say", "{{ slow.text }}"),
    ]
    played = await play(document(nodes, "start>slow slow>say"))
    assert played.finished.error.code == "timeout"
    assert played.state.nodes["slow"].outputs == {"text": "a"}
    assert played.finished.outputs["answer"] == "a"


async def test_a_defect_in_a_node_fails_the_run_without_telling_secrets(caplog):
    model = ScriptedModel(m=Reply(["x"], failure=ValueError("key sk-123 is wrong")))
    written = document([llm("ask"), answer("say", "{{ ask.text }}")], "start>ask ask>say")
    played = await play(written, ports=ports(models=model))
    assert (played.finished.error.code, played.finished.error.message) == ("internal_error", "Unexpected ValueError.")
    assert "sk-123" not in str(played.events)
    assert "sk-123" in caplog.text


async def test_something_cancelled_underneath_a_node_fails_it_and_hangs_nothing():
    model = ScriptedModel(m=Reply([], failure=asyncio.CancelledError()))
    written = document([llm("ask"), answer("say", "{{ ask.text }}")], "start>ask ask>say")
    played = await asyncio.wait_for(play(written, ports=ports(models=model)), timeout=5)
    assert played.finished.error.code == "internal_error"


async def stopped_in_a_stream():
    """A run that was stopped while a model wrote, its model, and how long the stop took."""
    model = ScriptedModel(m=Reply(["word "] * 1000, pause=0.005))
    written = document([llm("ask"), answer("say", "{{ ask.text }}")], "start>ask ask>say")
    stop = asyncio.Event()
    running = asyncio.create_task(play(written, ports=ports(models=model), stop=stop))
    await asyncio.sleep(0.1)
    asked = time.time()
    stop.set()
    played = await running
    return played, model, played.finished.at - asked


async def test_stop_ends_a_stream_closes_it_and_keeps_the_partial_answer():
    played, model, _ = await stopped_in_a_stream()
    assert played.finished.status == "stopped"
    assert played.finished.outputs["answer"].startswith("word ")
    assert played.state.nodes["ask"].status == "stopped"
    assert played.state.nodes["ask"].outputs["text"] == played.finished.outputs["answer"]
    assert model.closed == 1


async def test_stop_takes_less_than_50_ms():
    # The best of three: another process may hold the processor up, the engine may not.
    assert min([(await stopped_in_a_stream())[2] for _ in range(3)]) < 0.05


async def test_stop_does_not_wait_for_a_retry():
    nodes = [node("bad", config={"fails": 9}, on_error={"retry": {"times": 9, "first": "60s"}}), answer("say", "")]
    stop = asyncio.Event()
    running = asyncio.create_task(play(document(nodes, "start>bad bad>say"), stop=stop))
    await asyncio.sleep(0.02)
    stop.set()
    played = await asyncio.wait_for(running, timeout=1)
    assert played.finished.status == "stopped"


async def test_a_node_that_will_not_stop_does_not_hold_the_last_event_up():
    class Stubborn(ScriptedModel):
        async def stream(self, request):
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.3)
            yield

    stop, events = asyncio.Event(), []
    plan = compile_plan(document([llm("ask"), answer("say", "")], "start>ask ask>say"), registry=TEST_REGISTRY)
    running = asyncio.create_task(
        execute(plan, run=RunValues(), ports=ports(models=Stubborn()), emit=events.append, stop=stop)
    )
    await asyncio.sleep(0.02)
    asked = time.time()
    stop.set()
    finished = await running
    assert finished.at - asked < 0.2
    assert time.time() - asked > 0.25


async def test_cancelling_the_run_itself_closes_streams_and_still_tells_the_end():
    model = ScriptedModel(m=Reply(["word "] * 1000, pause=0.005))
    plan = compile_plan(
        document([llm("ask"), answer("say", "{{ ask.text }}")], "start>ask ask>say"), registry=TEST_REGISTRY
    )
    events: list[Event] = []
    running = asyncio.create_task(execute(plan, run=RunValues(), ports=ports(models=model), emit=events.append))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "stopped"
    assert fold(events, plan).answer == events[-1].outputs["answer"] != ""
    assert model.closed == 1
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("kind", ["run_started", "node_started", "node_text", "answer_text", "node_succeeded"])
async def test_what_emit_raises_reaches_the_caller_and_leaves_no_task(kind):
    def emit(event: Event) -> None:
        if event.kind == kind:
            raise OSError("the log is gone")

    written = document([llm("ask"), answer("say", "{{ ask.text }}")], "start>ask ask>say")
    plan = compile_plan(written, registry=TEST_REGISTRY)
    model = ScriptedModel(m=Reply(["word "] * 3))
    with pytest.raises(OSError, match="the log is gone"):
        await execute(plan, run=RunValues(), ports=ports(models=model), emit=emit)
    assert len(asyncio.all_tasks()) == 1


async def test_a_long_chain_lets_other_tasks_run():
    nodes = [node(f"n{i}") for i in range(1000)]
    edges = " ".join([*(f"n{i}>n{i + 1}" for i in range(999)), "start>n0 n999>say"])
    written = document([*nodes, answer("say", "done")], edges)
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    beating = asyncio.create_task(heart())
    await play(written)
    beating.cancel()
    assert beats >= 10


async def test_answer_text_and_replacements_are_all_that_a_reader_needs():
    nodes = [
        node("one", config={"pieces": ["a", "b"]}),
        node("bad", config={"pieces": ["c"], "fails": 1}, on_error={"then": "branch"}),
        answer("first", "{{ one.text }} "),
        answer("second", "{{ bad.text }}"),
        answer("other", "sorry"),
    ]
    played = await play(document(nodes, "start>one one>first first>bad bad>second bad>other:error"))
    text = ""
    for event in played.events:
        if isinstance(event, AnswerText):
            text += event.text
        elif isinstance(event, AnswerReplaced):
            text = event.text
    assert text == "ab sorry" == played.finished.outputs["answer"]
