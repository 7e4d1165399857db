"""Fine-tune sets as people use them in the admin: set up, made, looked at, downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import TrainingExport, TrainingSet
from apps.annotations.services.training_files import write_file
from apps.annotations.services.training_versions import fill_version
from apps.workflows.models import Application
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
FORM = {
    "name": "Bees",
    "description": "",
    "sources": ["corrections", "liked"],
    "since_0": "",
    "since_1": "",
    "until_0": "",
    "until_1": "",
    "system": "none",
    "system_prompt": "",
    "context_turns": "0",
    "deduplicate": "exact",
    "validation_percent": "10",
    "max_tokens": "",
    "personal": ["email"],
}


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def bees(client: Client, editor: User) -> TrainingSet:
    """A set that the editor has made with the form."""
    client.force_login(editor)
    response = client.post(reverse("admin:annotations_trainingset_add"), FORM)
    assert response.status_code == 302, response.context["adminform"].form.errors
    made = TrainingSet.objects.get()
    assert response["Location"] == reverse("admin:annotations_training_overview", args=[made.id])
    return made


def make(client: Client, training_set: TrainingSet) -> str:
    """Makes a version as the page does, lets the job run, and says where the version is shown."""
    response = client.post(reverse("admin:annotations_training_make", args=[training_set.id]))
    assert response.status_code == 302
    version = training_set.versions.order_by("-number")[0]
    while fill_version(version.id):
        pass
    assert response["Location"] == reverse("admin:annotations_training_version", args=[training_set.id, version.number])
    return str(response["Location"])


def test_from_the_form_to_the_downloaded_file(
    client: Client, bees: TrainingSet, app: Application, editor: User
) -> None:
    assert bees.personal == ["email"]
    turn = make_turn(app)
    services.correct_answer(turn.id, RIGHT, by=editor)
    page = make(client, bees)
    shown = client.get(page).content.decode()
    assert QUESTION in shown
    assert RIGHT in shown
    assert WRONG in shown
    assert reverse("admin:annotations_message_review", args=[turn.id]) in shown
    client.post(f"{page}file/", {"format": "openai-preference", "split": "all"})
    export = TrainingExport.objects.get()
    assert write_file(export.id)
    address = reverse("admin:annotations_training_download", args=[export.id])
    assert address in client.get(page).content.decode()
    response = client.get(address)
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert content.count(b"\n") == 1
    assert RIGHT.encode() in content
    assert "bees-v1-openai-preference-all.jsonl" in response["Content-Disposition"]
    # Who took it out of the house stands in the audit.
    assert LogEntry.objects.filter(user=editor, change_message__contains="bees-v1-openai-preference").count() == 2


def test_the_moving_part_is_asked_for_alone_while_something_is_made(
    client: Client, bees: TrainingSet, app: Application
) -> None:
    client.post(reverse("admin:annotations_training_make", args=[bees.id]))
    page = reverse("admin:annotations_training_version", args=[bees.id, 1])
    part = client.get(page, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "hx-get" in part
    client.post(f"{page}stop/")
    assert "hx-get" not in client.get(page).content.decode()
    # Who waited for it gets the whole page, with the form for files, once it is over.
    over = client.get(f"{page}?making=1", headers={"HX-Request": "true"})
    assert over.headers["HX-Refresh"] == "true"


def test_a_version_says_when_a_correction_in_it_was_withdrawn(
    client: Client, bees: TrainingSet, app: Application, editor: User
) -> None:
    correction = services.correct_answer(make_turn(app).id, RIGHT, by=editor)
    page = make(client, bees)
    assert "no longer approved" not in client.get(page).content.decode()
    services.withdraw_correction(correction, by=editor)
    assert "no longer approved" in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sources": []}, "sources"),
        ({"system": "own"}, "system_prompt"),
        ({"name": "Bees"}, "name"),
        ({"validation_percent": "80"}, "validation_percent"),
        ({"since_0": "2026-05-02", "since_1": "00:00", "until_0": "2026-05-01", "until_1": "00:00"}, "until"),
    ],
)
def test_the_form_says_what_is_wrong(client: Client, bees: TrainingSet, change: dict[str, Any], field: str) -> None:
    response = client.post(reverse("admin:annotations_trainingset_add"), {**FORM, "name": "Other", **change})
    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
    assert TrainingSet.objects.count() == 1


def test_operators_see_sets_and_take_nothing_out(
    client: Client, bees: TrainingSet, app: Application, editor: User, operator: User
) -> None:
    services.correct_answer(make_turn(app).id, RIGHT, by=editor)
    page = make(client, bees)
    client.post(f"{page}file/", {"format": "openai", "split": "all"})
    export = TrainingExport.objects.get()
    assert write_file(export.id)
    client.force_login(operator)
    shown = client.get(page)
    assert shown.status_code == 200
    assert "Make the file" not in shown.content.decode()
    assert client.get(reverse("admin:annotations_training_download", args=[export.id])).status_code == 403
    assert client.post(f"{page}file/", {"format": "openai", "split": "all"}).status_code == 403
    assert client.post(reverse("admin:annotations_training_make", args=[bees.id])).status_code == 403
    assert client.get(reverse("admin:annotations_trainingset_add")).status_code == 403


def test_another_team_sees_nothing_of_it(client: Client, bees: TrainingSet, app: Application, editor: User) -> None:
    page = make(client, bees)
    stranger = User.objects.create_user(username="sven", password="secret-sven", is_staff=True)
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    Membership.objects.create(team=wasps, user=stranger, role=Role.OWNER)
    theirs = make_app(wasps, slug="theirs")
    client.force_login(stranger)
    assert "Bees" not in client.get(reverse("admin:annotations_trainingset_changelist")).content.decode()
    for address in (page, reverse("admin:annotations_training_overview", args=[bees.id])):
        assert client.get(address).status_code == 404
    # And nobody can have another team's app in a set of their own.
    client.force_login(editor)
    form = {**FORM, "name": "Stolen", "applications": [str(theirs.id)]}
    response = client.post(reverse("admin:annotations_trainingset_add"), form)
    assert "applications" in response.context["adminform"].form.errors


def test_pages_take_as_many_queries_however_much_there_is(
    client: Client, bees: TrainingSet, app: Application, editor: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(25):
        services.record_feedback(
            make_turn(app, f"Question {number}?", "Yes."), rating="like", source="api", end_user="ada"
        )
    page = make(client, bees)
    for number in range(3):
        make(client, bees)
        TrainingSet.objects.create(team=bees.team, name=f"Set {number}", sources=["liked"])
    for address, most in (
        (reverse("admin:annotations_trainingset_changelist"), 24),
        (reverse("admin:annotations_training_overview", args=[bees.id]), 24),
        (page, 24),
    ):
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200
    second = client.get(f"{page}?after=20").content.decode()
    assert "Question 24?" in second
    assert "Question 3?" not in second
