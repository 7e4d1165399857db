"""Recorded runs, played again with the engine as it is now."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.traces.recorder.observer import flush
from apps.workflows import services
from apps.workflows.engine.events import NodeSucceeded, RunFinished
from apps.workflows.engine.story import Story
from apps.workflows.models import Application, Run, RunEvent
from apps.workflows.services.replay_run import NotReplayable, read_story, replay, write_story
from tests.workflows.replay.record import STORIES

NAMES = sorted(path.stem for path in STORIES.glob("*.json"))


def story(name: str) -> Story:
    return read_story(STORIES / f"{name}.json")


def differences(told: Story) -> list[str]:
    return [str(one) for one in asyncio.run(replay(told))]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_run_is_the_same_now(name: str) -> None:
    assert differences(story(name)) == []


def test_there_are_stories_of_everything_that_decides_how_a_run_goes() -> None:
    assert len(NAMES) >= 8
    types = {node["type"] for name in NAMES for node in story(name).document["nodes"]}
    assert {"if-else", "iteration", "loop", "human-input", "agent", "http-request", "llm"} <= types


def with_outputs(told: Story, node_id: str, outputs: dict[str, Any]) -> Story:
    """The story as if a node had given something else."""
    events = [
        replace(event, outputs=outputs) if isinstance(event, NodeSucceeded) and event.node_id == node_id else event
        for event in told.events
    ]
    return replace(told, events=events)


def changed(told: Story, change: Callable[[dict[str, Any]], object]) -> Story:
    """The story as if its document meant something else now."""
    document = json.loads(json.dumps(told.document))
    change(document)
    return replace(told, document=document)


def test_a_node_that_gives_something_else_is_told_of_alone() -> None:
    told = with_outputs(story("branches"), "cup", {"output": "cocoa"})
    # The nodes after it were recorded with what it gave then: they are compared with what they are given.
    assert differences(told)[0] == 'cup: outputs.output\n    - "cocoa"\n    + "coffee"'


def test_another_way_on_is_told_of() -> None:
    def turn(document: dict[str, Any]) -> None:
        document["nodes"][1]["config"]["cases"][0]["conditions"][0]["right"] = "coffee"

    found = differences(changed(story("branches"), turn))
    assert 'which: handle\n    - "else"\n    + "tea"' in found


def test_a_node_that_does_not_run_any_more_is_told_of() -> None:
    def cut(document: dict[str, Any]) -> None:
        document["edges"] = [edge for edge in document["edges"] if edge["to"] != "left"]

    found = differences(changed(story("skipped-and-joined"), cut))
    assert "left: did run when it was recorded, but does not now" in found


def test_a_node_that_did_not_run_is_told_of() -> None:
    def lead(document: dict[str, Any]) -> None:
        document["edges"].append({"from": "start", "to": "never"})

    assert "never: runs now, but did not when it was recorded" in differences(
        changed(story("skipped-and-joined"), lead)
    )


def test_a_node_that_begins_too_early_is_told_of() -> None:
    def hurry(document: dict[str, Any]) -> None:
        next(node for node in document["nodes"] if node["id"] == "paid")["join"] = "first"

    found = differences(changed(story("asked-and-answered"), hurry))
    assert "paid: began after ask had ended, and begins before it does now" in found


def test_a_failure_that_is_not_handled_any_more_is_told_of() -> None:
    def strict(document: dict[str, Any]) -> None:
        del next(node for node in document["nodes"] if node["id"] == "page")["on_error"]

    found = differences(changed(story("failure-with-default"), strict))
    assert "page: handled\n    - true\n    + false" in found
    assert 'status\n    - "partial-succeeded"\n    + "failed"' in found


def test_a_retry_less_is_told_of() -> None:
    def once(document: dict[str, Any]) -> None:
        next(node for node in document["nodes"] if node["id"] == "page")["on_error"]["retry"]["times"] = 1

    assert "page: tries\n    - 2\n    + 1" in differences(changed(story("retry"), once))


def test_a_round_more_is_told_of() -> None:
    def longer(document: dict[str, Any]) -> None:
        document["nodes"][1]["config"]["until"][0]["right"] = 9

    found = differences(changed(story("loop-with-variables"), longer))
    assert any("again:4/more" in one for one in found)


def test_a_marked_node_answers_from_the_record() -> None:
    told = with_outputs(story("branches"), "cup", {"output": "cocoa"})

    def mark(document: dict[str, Any]) -> None:
        next(node for node in document["nodes"] if node["id"] == "cup")["x-replay"] = "record"

    assert not [one for one in differences(changed(told, mark)) if one.startswith("cup")]


def test_what_somebody_stopped_is_not_played(tmp_path: Path) -> None:
    told = story("branches")
    stopped = [replace(one, status="stopped") if isinstance(one, RunFinished) else one for one in told.events]
    path = write_story(replace(told, events=stopped), tmp_path)
    with pytest.raises(NotReplayable):
        read_story(path)


@pytest.fixture
def run(make_app: Callable[..., Application]) -> Run:
    """A run that has ended."""
    application = make_app({**json.loads((STORIES / "loop-with-variables.json").read_text())["document"]})
    accepted = services.accept_workflow(
        application=application, version=application.live, inputs={}, source="api", end_user="ada"
    )
    asyncio.run(services.run_to_end(accepted))
    assert flush(10)
    return Run.objects.get(id=accepted.run.id)


def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("replay_runs", *arguments, stdout=out)
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_the_command_plays_records_and_tells(run: Run, tmp_path: Path) -> None:
    code, said = command("--app", "test", "--record", str(tmp_path))
    assert (code, said.splitlines()[-1]) == (0, "1 played, 0 different, 0 skipped")
    assert len(list(tmp_path.glob("*.json"))) == 1
    assert command("--stories", str(tmp_path))[0] == 0
    row = RunEvent.objects.get(run=run, kind="node_succeeded", payload__node_id="again")
    row.payload["outputs"]["total"] = 99
    RunEvent.objects.filter(run=run, seq=row.seq).update(payload=row.payload)
    code, said = command("--run", str(run.id))
    assert code == 1
    assert "DIFFERENT" in said
    assert "again: outputs.total\n    - 99\n    + 9" in said
    Run.objects.filter(id=run.id).update(status="stopped")
    RunEvent.objects.filter(run=run, kind="run_finished").delete()
    assert "1 skipped" in command("--run", str(run.id))[1]


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_a_fork_is_played_like_any_other_run(run: Run) -> None:
    accepted = services.rerun_from(
        run, node_id="seen", frame="again:1", wish=services.Wish(source="console", end_user="ada")
    )
    assert services.go_on_with_run(accepted.run.id)
    assert command("--run", str(accepted.run.id)) == (
        0,
        f"same       test {accepted.run.id}\n1 played, 0 different, 0 skipped\n",
    )
