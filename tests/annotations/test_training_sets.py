"""From corrections and liked answers to a version whose files never change."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import transaction

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import TrainingExport, TrainingSet, TrainingVersion
from apps.annotations.selectors.training import withdrawn_in
from apps.annotations.services.training_files import ask_for_file, forget_files, path_of, stop_file, write_file
from apps.annotations.services.training_versions import fill_version, make_version, stop_version
from apps.annotations.training.checking import fault_of
from apps.workflows.models import Application, Message
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture
def bees(team: Team, app: Application) -> TrainingSet:
    return TrainingSet.objects.create(team=team, name="Bees", sources=["corrections", "liked", "annotations"])


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def liked(app: Application, question: str, answer: str, **fields: Any) -> Message:
    turn = make_turn(app, question, answer, **fields)
    services.record_feedback(turn, rating="like", source="api", end_user="ada")
    return turn


def made(training_set: TrainingSet, by: User) -> TrainingVersion:
    version = make_version(training_set, by=by)
    while fill_version(version.id):
        pass
    version.refresh_from_db()
    assert version.status == "completed", version.error
    return version


def file_of(version: TrainingVersion, by: User, *, format: str = "openai", split: str = "all") -> TrainingExport:
    export = ask_for_file(version, format=format, split=split, by=by)
    assert write_file(export.id)
    export.refresh_from_db()
    assert export.status == "completed", export.error
    return export


def lines(export: TrainingExport) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path_of(export).read_bytes().splitlines()]


def test_corrections_and_liked_answers_become_examples(bees: TrainingSet, app: Application, editor: User) -> None:
    services.correct_answer(make_turn(app).id, RIGHT, by=editor)
    liked(app, "What do bees eat?", "Nectar and pollen.")
    disputed = liked(app, "Do bees sleep?", "Yes.")
    services.record_feedback(disputed, rating="dislike", source="api", end_user="bob")
    make_turn(app, "Nobody said anything about this.", "Indeed.")
    services.add_annotation(team_id=app.team_id, application_id=app.id, question="Opening hours?", answer="9 to 5.")
    version = made(bees, editor)
    assert (version.kept, version.pairs, version.read) == (3, 1, 3)
    export = file_of(version, editor)
    told = [(each["messages"][0]["content"], each["messages"][1]["content"]) for each in lines(export)]
    assert told == [(QUESTION, RIGHT), ("What do bees eat?", "Nectar and pollen."), ("Opening hours?", "9 to 5.")]
    assert all(fault_of(line, format="openai") == "" for line in lines(export))
    assert (export.rows_done, export.tokens, export.left_out) == (3, version.tokens, {})


def test_pairs_hold_the_correction_and_what_it_corrected(bees: TrainingSet, app: Application, editor: User) -> None:
    services.correct_answer(make_turn(app).id, RIGHT, by=editor)
    liked(app, "What do bees eat?", "Nectar and pollen.")
    export = file_of(made(bees, editor), editor, format="trl-preference")
    assert lines(export) == [
        {
            "prompt": [{"role": "user", "content": QUESTION}],
            "chosen": [{"role": "assistant", "content": RIGHT}],
            "rejected": [{"role": "assistant", "content": WRONG}],
        }
    ]
    assert export.left_out == {"no_rejected": 1}


@pytest.mark.parametrize("format", ["openai", "csv", "parquet", "sharegpt"])
def test_a_version_gives_the_same_bytes_whatever_happened_since(
    bees: TrainingSet, app: Application, editor: User, format: str
) -> None:
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=editor)
    liked(app, "What do bees eat?", "Nectar and pollen.")
    version = made(bees, editor)
    before = path_of(file_of(version, editor, format=format)).read_bytes()
    services.withdraw_correction(correction, by=editor)
    Message.objects.all().delete()
    bees.validation_percent = 50
    bees.save()
    export = file_of(version, editor, format=format)
    assert path_of(export).read_bytes() == before
    assert withdrawn_in(version) == 1
    # What was withdrawn or deleted is in no version made from then on.
    assert made(bees, editor).kept == 0


def test_the_same_rows_make_the_same_version_again(bees: TrainingSet, app: Application, editor: User) -> None:
    for number in range(12):
        liked(app, f"Question {number}?", f"Answer {number}.")
    one, two = made(bees, editor), made(bees, editor)
    assert (one.number, two.number, one.digest) == (1, 2, two.digest)
    assert file_of(one, editor).sha256 == file_of(two, editor).sha256


def test_training_and_validation_share_nothing_and_miss_nothing(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    bees.validation_percent = 40
    bees.save()
    for number in range(30):
        liked(app, f"Question {number}?", "Yes.")
    version = made(bees, editor)
    train, validation = (file_of(version, editor, split=split) for split in ("train", "validation"))
    assert 0 < validation.rows_done == version.validation < 30
    questions = [{line["messages"][0]["content"] for line in lines(each)} for each in (train, validation)]
    assert len(questions[0] | questions[1]) == 30
    assert not questions[0] & questions[1]


def test_duplicates_and_long_examples_are_left_out_and_counted(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    bees.max_tokens = 100
    bees.save()
    liked(app, "What do bees eat?", "Nectar.")
    liked(app, "What do  bees eat?", " Nectar.")
    liked(app, "Tell me all about bees.", "Bees. " * 500)
    version = made(bees, editor)
    assert (version.kept, version.left_out) == (1, {"duplicate": 1, "too_long": 1})
    bees.deduplicate, bees.max_tokens = "none", None
    bees.save()
    assert made(bees, editor).kept == 3


def test_one_of_each_question_prefers_the_correction(bees: TrainingSet, app: Application, editor: User) -> None:
    bees.deduplicate = "question"
    bees.save()
    liked(app, QUESTION, "Weekly, more or less.")
    services.correct_answer(make_turn(app).id, RIGHT, by=editor)
    version = made(bees, editor)
    assert [row.content["answer"] for row in version.examples.all()] == [RIGHT]


def test_what_was_said_before_and_instructions_are_part_of_the_dialogue(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    first = make_turn(app, "Hello", "Good day.")
    liked(app, "What do bees eat?", "Nectar.", conversation=first.conversation)
    bees.context_turns, bees.system, bees.system_prompt = 3, "own", "You know bees."
    bees.save()
    line = lines(file_of(made(bees, editor), editor))[0]
    assert [each["content"] for each in line["messages"]] == [
        "You know bees.", "Hello", "Good day.", "What do bees eat?", "Nectar.",
    ]  # fmt: skip


def test_secrets_always_and_personal_data_on_request_are_taken_out(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    liked(app, "I am ada@example.org, my key is sk-proj-4fT9mZq2Lw8xVb6Nc3Rk7Ys1", "Hello ada@example.org.")
    loose = path_of(file_of(made(bees, editor), editor)).read_text()
    assert "ada@example.org" in loose
    assert "4fT9mZq2" not in loose
    bees.personal = ["email"]
    bees.save()
    strict = path_of(file_of(made(bees, editor), editor)).read_text()
    assert "ada@example.org" not in strict
    assert "[masked:" in strict


def test_every_row_leads_back_to_its_message_trace_and_correction(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    turn = make_turn(app)
    correction = services.correct_answer(turn.id, RIGHT, by=editor)
    export = file_of(made(bees, editor), editor, format="csv")
    with path_of(export).open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["message_id"], row["trace_id"], row["correction_id"]) == (
        str(turn.id),
        str(turn.run_id),
        str(correction.id),
    )


def test_nothing_of_another_team_comes_in(bees: TrainingSet, app: Application, editor: User) -> None:
    stranger = Team.objects.create(slug="wasps", name="Wasps")
    liked(make_app(stranger, slug="theirs"), "Secret question?", "Secret answer.")
    liked(make_app(bees.team, slug="other"), "From another app?", "Yes.")
    liked(app, "Ours?", "Yes.")
    bees.applications = [str(app.id)]
    bees.save()
    assert [row.content["prompt"][0]["content"] for row in made(bees, editor).examples.all()] == ["Ours?"]


def test_who_may_not_edit_makes_neither_versions_nor_files(
    bees: TrainingSet, app: Application, editor: User, operator: User
) -> None:
    liked(app, "Ours?", "Yes.")
    version = made(bees, editor)
    outsider = User.objects.create_user(username="otto", password="secret-otto")
    for person, refused in ((operator, NotAllowed), (outsider, NotFound)):
        with pytest.raises(refused):
            make_version(bees, by=person)
        with pytest.raises(refused):
            ask_for_file(version, format="openai", split="all", by=person)


def test_one_version_is_made_at_a_time_and_can_be_stopped(bees: TrainingSet, app: Application, editor: User) -> None:
    liked(app, "Ours?", "Yes.")
    version = make_version(bees, by=editor)
    with pytest.raises(Conflict), transaction.atomic():
        make_version(bees, by=editor)
    with pytest.raises(Conflict):
        ask_for_file(version, format="openai", split="all", by=editor)
    stop_version(version, by=editor)
    assert not fill_version(version.id)
    version.refresh_from_db()
    assert (version.status, version.examples.count()) == ("stopped", 0)
    assert made(bees, editor).number == 2


def test_a_set_without_sources_and_an_unknown_format_are_refused(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    version = made(bees, editor)
    with pytest.raises(InvalidInput):
        ask_for_file(version, format="docx", split="all", by=editor)
    bees.sources = []
    bees.save()
    with pytest.raises(InvalidInput):
        make_version(bees, by=editor)


def test_stopped_and_outdated_files_leave_nothing_behind(
    bees: TrainingSet, app: Application, editor: User, files: Path
) -> None:
    liked(app, "Ours?", "Yes.")
    version = made(bees, editor)
    stopped = ask_for_file(version, format="openai", split="all", by=editor)
    stop_file(stopped, by=editor)
    assert not write_file(stopped.id)
    done = file_of(version, editor)
    TrainingExport.objects.filter(id=done.id).update(expires_at=done.created_at)
    assert forget_files() == 1
    assert [path for path in files.rglob("*") if path.is_file()] == []
