"""Runs made of other runs: what is reused, what is done anew, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.traces.recorder.observer import flush
from apps.workflows import services
from apps.workflows.engine.events import Event, NodeSucceeded, RunFinished, RunResumed
from apps.workflows.models import Application, Conversation, Message, Run, Wait
from apps.workflows.selectors.events import stored_events
from apps.workflows.selectors.messages import recent_turns
from apps.workflows.services import CannotFork, PrefixChanged, Wish
from support.errors import InvalidInput
from tests.workflows.engine.runs import answer, body, document, each, node

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


@pytest.fixture(autouse=True)
def _traces_are_written() -> Iterator[None]:
    yield
    assert flush(10)


def begin(application: Application, *, query: str = "", conversation: Any = None, **inputs: Any) -> Run:
    """A run in this process, at its end or its first question."""
    who: dict[str, Any] = {"application": application, "version": application.live, "inputs": inputs}
    who |= {"source": "api", "end_user": "ada"}
    if query:
        accepted = services.accept_chat(query=query, conversation_id=conversation, **who)
    else:
        accepted = services.accept_workflow(**who)
    asyncio.run(services.run_to_end(accepted))
    return Run.objects.get(id=accepted.run.id)


def wish(**more: Any) -> Wish:
    return Wish(source="console", end_user="grace", **more)


def go(accepted: services.Accepted) -> Run:
    """The new run, at its end or its next question."""
    assert services.go_on_with_run(accepted.run.id)
    return Run.objects.get(id=accepted.run.id)


def events_of(run: Run) -> list[Event]:
    return [event for _, event in stored_events(run.id)]


def done(run: Run) -> tuple[list[str], list[str]]:
    """The nodes whose outcomes were reused, and those that ran, with their rounds."""
    ended = [event for event in events_of(run) if isinstance(event, NodeSucceeded)]
    names = [(f"{event.frame}/{event.node_id}".strip("/"), event.reused) for event in ended]
    return [name for name, reused in names if reused], [name for name, reused in names if not reused]


def gather(name: str, *variables: str) -> dict[str, Any]:
    return node(name, "variable-aggregator", config={"variables": list(variables)})


TWO_WAYS = document(
    [
        gather("left", "inputs.a"),
        gather("right", "inputs.b"),
        gather("after_left", "left.output"),
        gather("after_right", "right.output"),
        node("end", "end", config={"outputs": {"left": "after_left.output", "right": "after_right.output"}}),
    ],
    "start>left start>right left>after_left right>after_right after_left>end after_right>end",
    kind="workflow",
    inputs=[{"name": "a", "type": "text", "default": "A"}, {"name": "b", "type": "text", "default": "B"}],
)


def test_what_does_not_depend_on_the_node_is_reused(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(TWO_WAYS))
    run = go(services.rerun_from(parent, node_id="left", wish=wish()))
    reused, anew = done(run)
    assert sorted(reused) == ["after_right", "right", "start"]
    assert anew == ["left", "after_left", "end"]
    assert (run.status, run.outputs) == ("succeeded", {"left": "A", "right": "B"})
    assert (run.forked_from_id, run.forked_node, run.source, run.end_user) == (parent.id, "left", "console", "grace")
    assert [event.reason for event in events_of(run) if isinstance(event, RunResumed)] == ["fork"]
    finished = events_of(run)[-1]
    assert isinstance(finished, RunFinished)
    assert finished.steps == 6


def test_a_run_is_forked_after_any_of_its_events(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(TWO_WAYS))
    events = stored_events(parent.id)
    for seq, _ in events:
        run = go(services.fork_run(parent, after=seq, wish=wish()))
        before = [event.node_id for at, event in events if isinstance(event, NodeSucceeded) and at <= seq]
        reused, anew = done(run)
        assert reused == before
        assert sorted(reused + anew) == ["after_left", "after_right", "end", "left", "right", "start"]
        assert (run.outputs, run.forked_at) == (parent.outputs, seq)
    with pytest.raises(InvalidInput):
        services.fork_run(parent, after=len(events) + 1, wish=wish())


def test_what_a_node_refers_to_can_be_changed(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(TWO_WAYS))
    run = go(services.rerun_from(parent, node_id="after_left", wish=wish(values={"left.output": "changed"})))
    assert run.outputs == {"left": "changed", "right": "B"}
    again = go(services.rerun_from(parent, node_id="right", wish=wish(values={"inputs.b": "new"})))
    assert (again.outputs, again.inputs) == ({"left": "A", "right": "new"}, {"a": "A", "b": "new"})
    for path in ("after_left.output", "sys.query", "nothing.here", "left"):
        with pytest.raises(InvalidInput):
            services.rerun_from(parent, node_id="left", wish=wish(values={path: "x"}))
    with pytest.raises(InvalidInput):
        services.rerun_from(parent, node_id="left", wish=wish(values={"inputs.a": 7}))


def test_a_changed_version_runs_on_where_what_lies_behind_is_the_same(make_app: Callable[..., Application]) -> None:
    application = make_app(TWO_WAYS)
    parent = begin(application)
    changed = {
        **TWO_WAYS,
        "nodes": [
            {**one, "title": "New"} if one["id"] == "left" else one for one in TWO_WAYS["nodes"] if one["id"] != "end"
        ]
        + [node("end", "end", config={"outputs": {"only": "after_left.output"}})],
    }
    draft = services.save_version(application=application, document=changed).version
    run = go(services.rerun_from(parent, node_id="end", wish=wish(version=draft)))
    assert (run.outputs, run.version_id) == ({"only": "A"}, draft.id)
    assert sorted(done(run)[0]) == ["after_left", "after_right", "left", "right", "start"]
    other = {
        **TWO_WAYS,
        "nodes": [gather("left", "inputs.b") if one["id"] == "left" else one for one in TWO_WAYS["nodes"]],
    }
    draft = services.save_version(application=application, document=other).version
    with pytest.raises(PrefixChanged) as refused:
        services.rerun_from(parent, node_id="end", wish=wish(version=draft))
    assert refused.value.details == {"nodes": ["left"]}
    assert go(services.rerun_from(parent, node_id="left", wish=wish(version=draft))).outputs["left"] == "B"


ROUNDS = document(
    [
        each(
            "each",
            "inputs.items",
            [gather("first", "item"), gather("second", "first.output")],
            "first>second",
            collect="second.output",
            parallel=3,
        ),
        node("end", "end", config={"outputs": {"all": "each.output"}}),
    ],
    "start>each each>end",
    kind="workflow",
    inputs=[{"name": "items", "type": "json", "default": ["a", "b", "c"]}],
)


def test_a_node_in_a_round_of_an_iteration_runs_anew_alone(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(ROUNDS))
    changed = wish(values={"first.output": "B"})
    run = go(services.rerun_from(parent, node_id="second", frame="each:1", wish=changed))
    reused, anew = done(run)
    assert anew == ["each:1/second", "each", "end"]
    assert len(reused) == 6
    assert run.outputs == {"all": ["a", "B", "c"]}


LOOP = document(
    [
        node(
            "again",
            "loop",
            config={
                "rounds": 4,
                "variables": {"total": {"type": "number", "value": 0}},
                "body": body(
                    [
                        node(
                            "add",
                            "assigner",
                            config={"items": [{"variable": "loop.total", "operation": "add", "value": 2}]},
                        ),
                        gather("seen", "loop.total"),
                    ],
                    "add>seen",
                ),
            },
        ),
        node("end", "end", config={"outputs": {"total": "again.total"}}),
    ],
    "start>again again>end",
    kind="workflow",
)


def test_rounds_of_a_loop_after_the_node_run_anew(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(LOOP))
    run = go(services.rerun_from(parent, node_id="seen", frame="again:1", wish=wish()))
    reused, anew = done(run)
    assert reused == ["start", "again:0/add", "again:0/seen", "again:1/add"]
    assert anew[0] == "again:1/seen"
    assert "again:3/seen" in anew
    assert run.outputs == parent.outputs == {"total": 8}


def test_a_run_is_forked_in_the_middle_of_its_rounds(make_app: Callable[..., Application]) -> None:
    for written in (ROUNDS, LOOP):
        parent = begin(make_app(written))
        for seq, _ in stored_events(parent.id):
            run = go(services.fork_run(parent, after=seq, wish=wish()))
            assert (run.status, run.outputs) == ("succeeded", parent.outputs)
            assert sorted([*done(run)[0], *done(run)[1]]) == sorted(done(parent)[1])
        Run.objects.all().delete()
        services.delete_application(parent.application)


CHAT = document(
    [
        node(
            "count",
            "assigner",
            config={"items": [{"variable": "conversation.turns", "operation": "add", "value": 1}]},
        ),
        node(
            "reply",
            "llm",
            config={
                "model": {"name": "demo"},
                "prompt": [{"role": "user", "text": "{{ sys.query }}"}],
                "memory": {"window": 5},
            },
        ),
        answer("say", "{{ conversation.turns }}: {{ reply.text }}"),
    ],
    "start>count count>reply reply>say",
    variables={"conversation": [{"name": "turns", "type": "number", "default": 0}]},
)


def test_a_forked_turn_begins_a_branch_of_the_conversation(make_app: Callable[..., Application]) -> None:
    application = make_app(CHAT)
    first = begin(application, query="one")
    second = begin(application, query="two", conversation=first.conversation_id)
    begin(application, query="three", conversation=first.conversation_id)
    run = go(services.rerun_from(second, node_id="reply", wish=wish()))
    branch = run.conversation
    assert branch.id != first.conversation_id
    assert (branch.branched_from.run_id, branch.source, branch.end_user) == (second.id, "console", "grace")
    message = Message.objects.get(run=run)
    assert message.answer == Message.objects.get(run=second).answer
    assert (second.variables, run.variables, branch.variables) == ({"turns": 1}, {"turns": 1}, {"turns": 2})
    assert Conversation.objects.get(id=first.conversation_id).variables == {"turns": 3}
    told = [turn.text for turn in recent_turns(branch.id, turns=5) if turn.role == "user"]
    assert told == ["one", "two"]
    shown = [turn.text for turn in recent_turns(first.conversation_id, turns=5) if turn.role == "user"]
    assert shown == ["one", "two", "three"]
    anew = go(services.rerun_from(second, node_id="count", wish=wish()))
    assert anew.conversation.variables == {"turns": 2}


def test_a_model_that_is_reused_is_not_paid_again(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(CHAT), query="hello")
    assert parent.total_tokens > 0
    run = go(services.rerun_from(parent, node_id="say", wish=wish()))
    assert run.total_tokens == 0
    assert Message.objects.get(run=run).answer == Message.objects.get(run=parent).answer
    assert go(services.rerun_from(parent, node_id="reply", wish=wish())).total_tokens > 0


ASKING = document(
    [
        gather("before", "inputs.a"),
        node("ask", "human-input", config={"form": "{{ before.output }}?", "actions": [{"id": "yes", "title": "Yes"}]}),
        node("end", "end", config={"outputs": {"said": "ask.action", "was": "before.output"}}),
    ],
    "start>before before>ask ask>end:yes",
    kind="workflow",
    inputs=[{"name": "a", "type": "text", "default": "A"}],
)


def test_a_question_is_asked_anew_or_its_answer_is_reused(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(ASKING))
    assert parent.status == "paused"
    paused = go(services.rerun_from(parent, node_id="before", wish=wish(values={"inputs.a": "B"})))
    assert paused.status == "paused"
    wait = Wait.objects.get(run=paused)
    assert wait.asks["form"] == "B?"
    assert wait.token != Wait.objects.get(run=parent).token
    services.reply_to(Wait.objects.get(run=parent), {"action": "yes"}, by="ben")
    services.go_on_with_runs()
    parent.refresh_from_db()
    run = go(services.rerun_from(parent, node_id="end", wish=wish()))
    assert (run.status, run.outputs) == ("succeeded", {"said": "yes", "was": "A"})
    assert not Wait.objects.filter(run=run).exists()
    asked = go(services.rerun_from(parent, node_id="ask", wish=wish()))
    assert asked.status == "paused"


def test_what_cannot_be_forked_is_refused_with_the_reason(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(TWO_WAYS))
    with pytest.raises(InvalidInput, match="did not run"):
        services.rerun_from(parent, node_id="nobody", wish=wish())
    Run.objects.filter(id=parent.id).update(status="running")
    parent.refresh_from_db()
    with pytest.raises(CannotFork, match="still going on"):
        services.rerun_from(parent, node_id="left", wish=wish())
    Run.objects.filter(id=parent.id).update(status="succeeded")
    parent.refresh_from_db()
    parent.events.all().delete()
    with pytest.raises(CannotFork, match="Nothing is kept"):
        services.rerun_from(parent, node_id="left", wish=wish())
    assert Run.objects.count() == 1


def test_of_one_run_only_so_many_are_made(make_app: Callable[..., Application], monkeypatch: Any) -> None:
    parent = begin(make_app(TWO_WAYS))
    monkeypatch.setattr("apps.workflows.services.forks.MOST_FORKS", 1)
    services.rerun_from(parent, node_id="left", wish=wish())
    with pytest.raises(CannotFork, match="at most 1"):
        services.rerun_from(parent, node_id="left", wish=wish())


def test_a_fork_outlives_its_parent_and_is_forked_itself(make_app: Callable[..., Application]) -> None:
    parent = begin(make_app(TWO_WAYS))
    child = go(services.rerun_from(parent, node_id="left", wish=wish(values={"inputs.a": "C"})))
    parent.delete()
    child.refresh_from_db()
    grandchild = go(services.rerun_from(child, node_id="after_left", wish=wish()))
    assert grandchild.outputs == {"left": "C", "right": "B"}
    assert sorted(done(grandchild)[0]) == ["after_right", "left", "right", "start"]
