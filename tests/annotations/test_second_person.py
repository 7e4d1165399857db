"""Where an app asks for a second person, no answer that nobody else approved is given, however it came."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from accounts.services import create_api_key
from apps.annotations import services
from apps.annotations.models import Annotation, AnswerImport, Correction, FewShotExample
from apps.annotations.services.correction_settings import Switches, change_settings
from apps.annotations.services.import_jobs import work_on_import
from apps.annotations.services.importing_answers import bring_answers, take_in, undo_import
from apps.workflows.models import Application
from support.errors import NotAllowed
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_turn

Ask = Callable[..., Any]
TWO = Switches(needs_second_person=True)
ONE = Switches()

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def person(team: Team, name: str, role: str) -> User:
    user = User.objects.create_user(username=name, password=f"secret-{name}", is_staff=True)
    Membership.objects.create(team=team, user=user, role=role)
    return user


@pytest.fixture
def editor(team: Team) -> User:
    return person(team, "edith", Role.EDITOR)


@pytest.fixture
def manager(team: Team) -> User:
    return person(team, "mona", Role.ADMIN)


@pytest.fixture
def guarded(app: Application, editor: User) -> Application:
    change_settings(app, TWO, by=editor)
    return app


def switch(client: Client, row: Annotation | FewShotExample, by: User, *, action: str = "enable") -> None:
    client.force_login(by)
    address = reverse(f"admin:annotations_{row._meta.model_name}_changelist")
    client.post(address, {"action": action, "_selected_action": [str(row.id)]})
    row.refresh_from_db()


def test_an_answer_written_by_hand_waits_for_somebody_else(
    client: Client, guarded: Application, operator: User, editor: User, ask: Ask
) -> None:
    client.force_login(operator)
    new = {"application": str(guarded.id), "question": QUESTION, "answer": RIGHT}
    told = client.post(reverse("admin:annotations_annotation_add"), new, follow=True).content.decode()
    assert "waits until somebody else takes it into use" in told
    row = Annotation.objects.get()
    assert (row.is_enabled, row.is_waiting, row.written_by) == (False, True, operator)
    assert ask(guarded, QUESTION) is None

    switch(client, row, operator)
    assert not row.is_enabled
    assert ask(guarded, QUESTION) is None
    page = reverse("admin:annotations_annotation_change", args=[row.id])
    client.post(page, {"question": QUESTION, "answer": RIGHT, "is_enabled": "on"})
    assert ask(guarded, QUESTION) is None
    assert "Waits for somebody other than olga" in client.get(page).content.decode()

    switch(client, row, editor)
    assert (row.is_enabled, row.approved_by) == (True, editor)
    assert ask(guarded, QUESTION).text == RIGHT
    # Out of use and in again by anybody: these texts are approved. Other texts are not.
    switch(client, row, operator, action="disable")
    switch(client, row, operator)
    assert row.is_enabled
    client.force_login(editor)
    client.post(page, {"question": QUESTION, "answer": WRONG, "is_enabled": "on"})
    row.refresh_from_db()
    assert (row.answer, row.is_enabled, row.is_waiting, row.approved_at) == (WRONG, False, True, None)
    assert ask(guarded, QUESTION) is None
    switch(client, row, editor)
    assert not row.is_enabled
    switch(client, row, operator)
    assert ask(guarded, QUESTION).text == WRONG


def test_who_made_the_key_of_a_program_does_not_approve_what_it_writes(
    client: Client, guarded: Application, operator: User, editor: User, ask: Ask
) -> None:
    key, secret = create_api_key(
        team_id=guarded.team_id, subject_kind="app", subject_id=guarded.id, scopes=("annotations",)
    )
    key.created_by = editor
    key.save()
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"question": QUESTION, "answer": RIGHT}
    made = client.post("/v1/apps/annotations", body, content_type="application/json", headers=headers)
    assert (made.status_code, made.json()["waits_for_approval"]) == (201, True)
    row = Annotation.objects.get()
    assert row.created_by is None
    switch(client, row, editor)
    assert ask(guarded, QUESTION) is None
    switch(client, row, operator)
    assert ask(guarded, QUESTION).text == RIGHT
    address = f"/v1/apps/annotations/{row.id}"
    changed = client.put(address, {**body, "answer": WRONG}, content_type="application/json", headers=headers)
    assert changed.json()["waits_for_approval"]
    assert ask(guarded, QUESTION) is None

    upload = SimpleUploadedFile("bees.csv", b"question,answer\nWhen do bees swarm?,In May.\n")
    client.post("/v1/apps/annotations/imports", {"file": upload}, headers=headers)
    found = AnswerImport.objects.get()
    work(found)
    take_in(found)
    work(found)
    switch(client, Annotation.objects.get(answer="In May."), editor)
    assert ask(guarded, "When do bees swarm?") is None


def test_what_a_file_brings_waits_and_what_it_replaced_comes_back_as_it_was(
    client: Client, guarded: Application, operator: User, editor: User, ask: Ask
) -> None:
    row = services.add_annotation(
        team_id=guarded.team_id, application_id=guarded.id, question=QUESTION, answer=RIGHT, by=operator
    )
    services.toggle_annotation(row, enabled=True, by=editor)
    lines = [{"question": QUESTION, "answer": WRONG}, {"question": "When do bees swarm?", "answer": "In May."}]
    found = brought(guarded, lines, by=operator)
    assert set(Annotation.objects.values_list("is_enabled", "is_waiting", "written_by")) == {(False, True, operator.id)}
    assert ask(guarded, QUESTION) is None
    assert ask(guarded, "When do bees swarm?") is None
    may = Annotation.objects.get(answer="In May.")
    with pytest.raises(NotAllowed):
        services.toggle_annotation(may, enabled=True, by=operator)
    services.toggle_annotation(may, enabled=True, by=editor)
    assert ask(guarded, "When do bees swarm?").text == "In May."

    undo_import(found)
    work(found)
    row = Annotation.objects.get()
    assert (row.answer, row.is_enabled, row.approved_by) == (RIGHT, True, editor)
    assert ask(guarded, QUESTION).text == RIGHT


def test_somebody_else_approves_a_whole_file_but_not_what_was_rewritten_since(
    client: Client, guarded: Application, operator: User, editor: User, ask: Ask
) -> None:
    lines = [
        {"question": question, "answer": RIGHT} for question in (QUESTION, "When do bees swarm?", "Is wax edible?")
    ]
    found = brought(guarded, lines, by=operator)
    wax, swarm = (
        Annotation.objects.get(question="Is wax edible?"),
        Annotation.objects.get(question=lines[1]["question"]),
    )
    services.edit_annotation(wax, question=wax.question, answer=WRONG, by=operator)
    services.toggle_annotation(swarm, enabled=False, by=operator)
    page = reverse("admin:annotations_answer_import", args=[found.id])
    approve = reverse("admin:annotations_answer_import_approve", args=[found.id])
    client.force_login(operator)
    shown = client.get(page).content.decode()
    assert "2 answers of this file are not given" in shown
    assert approve not in shown
    assert "somebody else has to approve what you brought" in client.post(approve, follow=True).content.decode()
    assert ask(guarded, QUESTION) is None

    client.force_login(editor)
    assert approve in client.get(page).content.decode()
    client.post(approve)
    assert ask(guarded, QUESTION).text == RIGHT
    assert Annotation.objects.get(is_enabled=True).approved_by == editor
    wax.refresh_from_db()
    assert (wax.is_enabled, wax.is_waiting) == (False, True)


def test_asking_for_a_second_person_stops_what_one_person_alone_put_in_force_and_only_managers_end_it(
    client: Client, app: Application, operator: User, editor: User, manager: User, ask: Ask
) -> None:
    facts = {"team_id": app.team_id, "application_id": app.id, "by": operator}
    services.add_annotation(**facts, question="When do bees swarm?", answer="In May.")
    services.add_example(**facts, question="When do bees swarm?", answer="In May.")
    services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    by_two = services.correct_answer(make_turn(app, "Is wax edible?", "No.").id, "Yes.", by=operator, approve=False)
    services.propose_correction(by_two, by=operator)
    services.approve_correction(by_two, by=editor)
    questions = ("When do bees swarm?", QUESTION, "Is wax edible?")
    assert all(ask(app, question) is not None for question in questions)

    change_settings(app, TWO, by=editor)
    assert [ask(app, question) is not None for question in questions] == [False, False, True]
    assert list(FewShotExample.objects.filter(is_enabled=True).values_list("answer", flat=True)) == ["Yes."]
    # Being brought in line with the other switches is no second person either.
    change_settings(app, replace(TWO, makes_preference_pair=False), by=editor, also_approved=True)
    assert ask(app, QUESTION) is None

    with pytest.raises(NotAllowed):
        change_settings(app, ONE, by=editor)
    client.force_login(editor)
    page = reverse("admin:annotations_correction_switches", args=[app.slug])
    told = client.post(page, {"makes_annotation": "on"})
    assert "Only those who manage the team can do without the second person." in told.content.decode()
    assert ask(app, QUESTION) is None
    client.force_login(manager)
    assert client.post(page, {"makes_annotation": "on"}).status_code == 302
    assert all(ask(app, question) is not None for question in questions)
    newest = LogEntry.objects.filter(content_type__model="correctionsettings").order_by("-id")[0]
    assert (newest.user, newest.change_message) == (manager, "No second person any more.")


def test_what_waits_is_not_put_to_use_once_its_correction_is_withdrawn(
    app: Application, operator: User, editor: User, manager: User, ask: Ask
) -> None:
    made = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    change_settings(app, TWO, by=editor)
    assert Annotation.objects.get().is_waiting
    services.withdraw_correction(Correction.objects.get(id=made.id), by=operator)
    assert not Annotation.objects.get().is_waiting
    change_settings(app, ONE, by=manager)
    assert ask(app, QUESTION) is None


def brought(app: Application, lines: list[dict[str, Any]], *, by: User, duplicates: str = "replace") -> AnswerImport:
    """A file, taken in."""
    content = "\n".join(map(json.dumps, lines)).encode()
    found = bring_answers([content], application=app, file_name="bees.jsonl", duplicates=duplicates, by=by)
    work(found)
    take_in(found)
    work(found)
    return found


def work(found: AnswerImport) -> None:
    while work_on_import(found.id):
        pass
    found.refresh_from_db()
