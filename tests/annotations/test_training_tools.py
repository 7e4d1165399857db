"""Answers that an agent found with tools, from the trace of its run to lines that trainers take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import TrainingSet, TrainingVersion
from apps.annotations.services.training_files import ask_for_file, path_of, write_file
from apps.annotations.services.training_versions import fill_version, make_version
from apps.traces.recorder.fold import fold
from apps.traces.recorder.store import write
from apps.workflows.engine.ports import ToolCall
from apps.workflows.engine.tool_port import ToolResult
from apps.workflows.models import Application, Message
from apps.workflows.selectors.runs import run_info
from tests.annotations.conftest import in_own_loop, make_turn
from tests.annotations.training.trainers import chat_faults, lines_of, loaded_as_preferences, preference_faults
from tests.workflows.engine.ports_for_tests import HeldTools, Reply, ScriptedModel, ports, tool
from tests.workflows.engine.runs import answer, document, node, play

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
QUESTION = "How many frames do two hives of 10 and one of 8 have?"
INSTRUCTIONS = "You count frames."
CONFIG = {
    "model": {"name": "default"},
    "instruction": INSTRUCTIONS,
    "query": "sys.query",
    "tools": [{"tool": "builtin/add"}, {"tool": "hives/size"}],
}
WRITTEN = document([node("agent", "agent", config=CONFIG), answer("say", "{{ agent.text }}")], "start>agent agent>say")
REPLIES = [
    Reply(
        ["I look both up."],
        tool_calls=[
            ToolCall(id="a", name="hives_size", arguments='{"which": "large"}'),
            ToolCall(id="b", name="hives_size", arguments='{"which": "small"}'),
        ],
    ),
    Reply([], tool_calls=[ToolCall(id="c", name="builtin_add", arguments='{"a": 20, "b": 8}')]),
    Reply(["28 frames."]),
]


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def counted(app: Application) -> Message:
    """A turn that an agent answered with three calls of two tools, two of them at once; its trace is recorded."""
    turn = make_turn(app, QUESTION, "")
    sizes = {"large": "10 frames.\n\nEach holds 2 kg.", "small": "8 frames."}
    held = HeldTools(
        tool("builtin/add", lambda a, b: ToolResult(text=str(a + b)), a={"type": "number"}, b={"type": "number"})
        | tool("hives/size", lambda which: ToolResult(text=sizes[which]), which={"enum": list(sizes)})
    )
    model = ScriptedModel(default=list(REPLIES))
    played = in_own_loop(play(WRITTEN, ports=ports(models=model, tools=held), query=QUESTION))
    nodes = {each["id"]: {"type": each["type"], "title": each["id"]} for each in WRITTEN["nodes"]}
    write([fold(replace(run_info(turn.run_id), nodes=nodes), enumerate(played.events, start=1))])
    turn.answer = "I look both up.\n\n28 frames."
    turn.save(update_fields=["answer"])
    return turn


@pytest.fixture
def with_tools(team: Team) -> TrainingSet:
    return TrainingSet.objects.create(
        team=team, name="Frames", sources=["corrections", "liked"], with_tools=True, system="recorded"
    )


def made(training_set: TrainingSet, editor: User) -> TrainingVersion:
    version = make_version(training_set, by=editor)
    while fill_version(version.id):
        pass
    version.refresh_from_db()
    return version


def file_of(version: TrainingVersion, editor: User, *, format: str) -> Path:
    export = ask_for_file(version, format=format, split="all", by=editor)
    assert write_file(export.id)
    export.refresh_from_db()
    assert (export.rows_done, export.faults) == (1, [])
    return path_of(export)


def test_a_liked_answer_is_the_whole_way_with_every_call_where_it_was_made(
    counted: Message, with_tools: TrainingSet, editor: User
) -> None:
    services.record_feedback(counted, rating="like", source="api", end_user="ada")
    [line] = lines_of(file_of(made(with_tools, editor), editor, format="openai"))
    assert chat_faults(line) == []
    told = [
        (each["role"], each.get("content"), [call["function"]["arguments"] for call in each.get("tool_calls", ())])
        for each in line["messages"]
    ]
    assert told == [
        ("system", INSTRUCTIONS, []),
        ("user", QUESTION, []),
        ("assistant", "I look both up.", ['{"which":"large"}', '{"which":"small"}']),
        ("tool", "10 frames.\n\nEach holds 2 kg.", []),
        ("tool", "8 frames.", []),
        ("assistant", None, ['{"a":20,"b":8}']),
        ("tool", "28", []),
        ("assistant", "28 frames.", []),
    ]


def test_tools_are_defined_as_they_were_offered_to_the_model(
    counted: Message, with_tools: TrainingSet, editor: User
) -> None:
    services.record_feedback(counted, rating="like", source="api", end_user="ada")
    [line] = lines_of(file_of(made(with_tools, editor), editor, format="openai"))
    defined = {each["function"]["name"]: each["function"] for each in line["tools"]}
    assert defined.keys() == {"builtin_add", "hives_size"}
    assert defined["hives_size"]["description"] == "Does hives/size."
    assert defined["hives_size"]["parameters"]["properties"] == {"which": {"enum": ["large", "small"]}}
    assert list(defined["builtin_add"]["parameters"]["properties"]) == ["a", "b"]


def test_a_correction_is_preferred_to_the_answer_after_the_same_calls(
    counted: Message, with_tools: TrainingSet, editor: User, tmp_path: Path
) -> None:
    services.correct_answer(counted.id, "Two of 10 and one of 8: 28 frames.", by=editor)
    version = made(with_tools, editor)
    [line] = lines_of(file_of(version, editor, format="openai-preference"))
    assert preference_faults(line) == []
    assert [each["role"] for each in line["input"]["messages"]][-2:] == ["assistant", "tool"]
    [row] = loaded_as_preferences(file_of(version, editor, format="trl-preference"), cache=tmp_path / "cache")
    assert row["chosen"][0]["content"] == "Two of 10 and one of 8: 28 frames."
    assert row["rejected"][0]["content"] == "I look both up.\n\n28 frames."
    [talk] = lines_of(file_of(version, editor, format="sharegpt"))
    assert [each["from"] for each in talk["conversations"]] == [
        "human", "function_call", "observation", "function_call", "observation", "gpt",
    ]  # fmt: skip
