"""A deletion on request reaches the copies: examples to train with, files that were made of them, and queues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import TrainingExport, TrainingSet, TrainingVersion
from apps.annotations.services.training_files import ask_for_file, path_of, write_file
from apps.annotations.services.training_versions import fill_version, make_version
from apps.traces.services.erasure import erase
from apps.workflows.models import Application
from tests.annotations.conftest import RIGHT, make_turn
from tests.annotations.test_queues import make_queue

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def bees(team: Team) -> TrainingSet:
    return TrainingSet.objects.create(team=team, name="Bees", sources=["corrections", "liked"], validation_percent=0)


def made(training_set: TrainingSet, editor: User) -> TrainingVersion:
    version = make_version(training_set, by=editor)
    while fill_version(version.id):
        pass
    version.refresh_from_db()
    return version


def file_of(version: TrainingVersion, editor: User) -> TrainingExport:
    export = ask_for_file(version, format="openai", split="all", by=editor)
    assert write_file(export.id)
    export.refresh_from_db()
    return export


def test_examples_files_and_queue_items_of_a_person_go_and_those_of_others_stay(
    client: Client, bees: TrainingSet, app: Application, editor: User
) -> None:
    queue = make_queue(app.team)
    adas, eves = make_turn(app, "Ada asks?", "To Ada.", end_user="ada"), make_turn(app, "Eve asks?", end_user="eve")
    for turn, name in ((adas, "ada"), (eves, "eve")):
        services.record_feedback(turn, rating="dislike", source="api", end_user=name)
        services.correct_answer(turn.id, f"{RIGHT} ({name})", by=editor)
    version = made(bees, editor)
    old = file_of(version, editor)
    assert b"Ada asks?" in path_of(old).read_bytes()
    path = path_of(old)

    erase(team_id=app.team_id, end_user="ada", requested_by="dana")

    assert not path.exists()
    assert [item.question for item in queue.items.all()] == ["Eve asks?"]
    version.refresh_from_db()
    assert (version.kept, version.erased) == (1, 1)
    assert version.examples.get().content["prompt"][0]["content"] == "Eve asks?"
    new = file_of(version, editor)
    assert new.rows_done == 1
    assert b"Ada asks?" not in path_of(new).read_bytes()
    client.force_login(editor)
    page = client.get(reverse("admin:annotations_training_version", args=[bees.id, 1])).content.decode()
    assert "One example was deleted on request" in page


def test_what_the_app_still_has_of_a_person_enters_no_later_version_and_what_is_said_afterwards_does(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    services.record_feedback(make_turn(app, "Before?", end_user="ada"), rating="like", source="api", end_user="ada")
    erase(team_id=app.team_id, end_user="ada", requested_by="dana")
    version = made(bees, editor)
    assert (version.kept, version.left_out) == (0, {"erased": 1})
    services.correct_answer(make_turn(app, "After?", end_user="ada").id, RIGHT, by=editor)
    assert [row.content["prompt"][0]["content"] for row in made(bees, editor).examples.all()] == ["After?"]


def test_examples_are_found_when_the_message_is_gone_and_other_teams_are_not_touched(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    turn = make_turn(app, "Ada asks?", end_user="ada")
    services.correct_answer(turn.id, RIGHT, by=editor)
    version = made(bees, editor)
    turn.conversation.delete()
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    erase(team_id=wasps.id, end_user="ada", requested_by="walt")
    assert version.examples.count() == 1
    erase(team_id=app.team_id, end_user="ada", requested_by="dana")
    assert version.examples.count() == 0


def test_a_set_takes_only_what_was_reviewed_in_its_queues_and_scored_high_enough(
    bees: TrainingSet, app: Application, editor: User
) -> None:
    from tests.annotations.test_queues import answer

    queue = make_queue(app.team)
    question = queue.questions.get().config
    for text in ("Good?", "Bad?", "Never reviewed?"):
        turn = make_turn(app, text)
        if text != "Never reviewed?":
            services.record_feedback(turn, rating="dislike", source="api", end_user="ada")
        services.correct_answer(turn.id, f"{RIGHT} {text}", by=editor)
    answer(queue, editor, True)
    answer(queue, editor, False)
    bees.queues = [str(queue.id)]
    bees.save()
    asked = [row.content["prompt"][0]["content"] for row in made(bees, editor).examples.all()]
    assert asked == ["Good?", "Bad?"]
    bees.score_config, bees.score_at_least = question, 0.5
    bees.save()
    assert [row.content["prompt"][0]["content"] for row in made(bees, editor).examples.all()] == ["Good?"]
