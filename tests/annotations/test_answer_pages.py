"""The pages of annotation reply, of imports and of the lists, as people use them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.importing.reading import read_rows
from apps.annotations.models import Annotation, AnnotationHit, AnswerImport, FewShotExample, ReplyJob, ReplySetting
from apps.annotations.services.import_jobs import work_on_import
from apps.workflows.models import Application
from tests.annotations.conftest import QUESTION, RIGHT, make_app, make_turn

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
REPLY = "admin:annotations_reply_app"


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture
def stranger(db: None) -> User:
    user = User.objects.create_user(username="sven", password="secret-sven", is_staff=True)
    Membership.objects.create(team=Team.objects.create(slug="wasps", name="Wasps"), user=user, role=Role.OWNER)
    return user


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def annotated(app: Application, question: str = QUESTION, answer: str = RIGHT) -> Annotation:
    return services.add_annotation(team_id=app.team_id, application_id=app.id, question=question, answer=answer)


def hit(annotation: Annotation) -> AnnotationHit:
    turn = make_turn(annotation.application, "Asked so?")
    return AnnotationHit.objects.create(
        team_id=annotation.team_id,
        application_id=annotation.application_id,
        annotation=annotation,
        message_id=turn.id,
        run_id=turn.run_id,
        question=turn.query,
        annotation_question=annotation.question,
        annotation_answer=annotation.answer,
        score=0.93,
        source="api",
    )


def test_who_edits_the_team_sets_reply_up_and_others_only_look(
    client: Client, app: Application, editor: User, operator: User
) -> None:
    annotated(app)
    page = reverse(REPLY, args=[app.slug])
    form = {"switch": "off", "threshold": "0.8", "wanted_model": "hashing"}
    client.force_login(operator)
    assert client.post(page, form).status_code == 403
    assert "data-save" not in client.get(page).content.decode()
    client.force_login(editor)
    assert client.post(page, form).status_code == 302
    setting = ReplySetting.objects.get()
    assert (setting.is_enabled, setting.threshold, setting.wanted_model) == (False, 0.8, "hashing")
    assert (setting.updated_by, ReplyJob.objects.count()) == (editor, 0)
    assert "does not answer from annotations" in client.get(page).content.decode()
    client.post(page, {"switch": "", "threshold": "", "wanted_model": ""})
    setting.refresh_from_db()
    assert (setting.is_enabled, setting.threshold, setting.wanted_model) == (None, None, "")
    wrong = client.post(page, {"switch": "on", "threshold": "3", "wanted_model": "nobody/has-it"})
    assert wrong.context["form"].errors.keys() == {"threshold", "wanted_model"}


def test_a_move_shows_how_far_it_is_and_can_be_stopped(client: Client, app: Application, editor: User) -> None:
    annotated(app)
    setting = ReplySetting.objects.get()
    from apps.annotations.services.moving import begin_embedding

    setting.wanted_model = "lab/turned"
    setting.save()
    begin_embedding(setting, model="lab/turned", by=editor)
    ReplyJob.objects.update(status="running", done=1, total=4)
    client.force_login(editor)
    page = reverse(REPLY, args=[app.slug])
    part = client.get(page, headers={"HX-Request": "true"})
    assert "HX-Refresh" not in part
    assert "1 of 4" in part.content.decode()
    assert "answers are found with hashing" in part.content.decode()
    client.post(reverse("admin:annotations_reply_stop", args=[app.slug]))
    setting.refresh_from_db()
    assert (setting.wanted_model, ReplyJob.objects.get().status) == ("hashing", "stopped")
    assert client.get(page, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "hx-trigger" not in client.get(page).content.decode()


def test_a_trial_says_what_answers_and_why_the_others_do_not(client: Client, app: Application, editor: User) -> None:
    for question in (QUESTION, f"{QUESTION} 2", "Who wrote Faust?"):
        annotated(app, question)
    ReplySetting.objects.update(threshold=0.8)
    client.force_login(editor)
    address = reverse("admin:annotations_reply_try", args=[app.slug])

    def verdicts(question: str) -> dict[str, str]:
        shown = client.get(address, {"question": question})
        assert shown.status_code == 200
        return {each["match"].question: each["words"] for each in shown.context["looked"]}

    assert verdicts(QUESTION.upper()) == {
        QUESTION: "Answers: the same question",
        f"{QUESTION} 2": "Passed over: another number, or one denies what the other says",
        "Who wrote Faust?": "Not like it enough",
    }
    assert verdicts("In spring, how often should I inspect a hive?")[QUESTION] == "Answers"
    assert not AnnotationHit.objects.exists()
    assert "Nothing is counted" in client.get(address).content.decode()


def test_a_file_is_brought_looked_at_taken_in_and_taken_out(client: Client, app: Application, operator: User) -> None:
    annotated(app, QUESTION, "Daily.")
    client.force_login(operator)
    pages = reverse("admin:annotations_answerimport_changelist")
    content = f"question,answer\n{QUESTION},{RIGHT}\nIs wax edible?,Yes.\n,nothing\n".encode()
    upload = SimpleUploadedFile("bees.csv", content)
    brought = client.post(pages, {"app": app.slug, "target": "annotations", "file": upload})
    found = AnswerImport.objects.get()
    page = reverse("admin:annotations_answer_import", args=[found.id])
    assert brought["Location"] == page
    assert "hx-get" in client.get(page).content.decode()
    assert not work_on_import(found.id)
    shown = client.get(page).content.decode()
    for words in ("One question has another answer now", "There is no question.", "Is wax edible?", "Take in"):
        assert words in shown
    assert Annotation.objects.count() == 1

    client.post(f"{page}take-in/", {"duplicates": "replace"})
    assert not work_on_import(found.id)
    assert dict(Annotation.objects.values_list("question", "answer")) == {QUESTION: RIGHT, "Is wax edible?": "Yes."}
    assert "Take everything out again" in client.get(page).content.decode()
    listed = client.get(reverse("admin:annotations_annotation_changelist")).content.decode()
    assert f'<a href="{page}">bees.csv</a>' in listed
    client.post(f"{page}undo/")
    assert not work_on_import(found.id)
    assert dict(Annotation.objects.values_list("question", "answer")) == {QUESTION: "Daily."}
    assert "is out again" in client.get(page).content.decode()
    # Once is enough.
    assert "nothing of this file" in client.post(f"{page}undo/", follow=True).content.decode()


def test_what_cannot_be_brought_is_told(client: Client, app: Application, operator: User) -> None:
    client.force_login(operator)
    pages = reverse("admin:annotations_answerimport_changelist")
    for upload, words in (
        (SimpleUploadedFile("bees.pdf", b"x"), "Bring a CSV or a JSONL file."),
        (SimpleUploadedFile("bees.csv", b""), "empty"),
    ):
        answer = client.post(pages, {"app": app.slug, "target": "annotations", "file": upload})
        assert answer.status_code == 400
        assert words in answer.content.decode()
    assert not AnswerImport.objects.exists()


def test_answers_are_written_by_hand_and_deleted(client: Client, app: Application, operator: User) -> None:
    client.force_login(operator)
    for model, kind in (("annotation", Annotation), ("fewshotexample", FewShotExample)):
        body = {"application": str(app.id), "question": QUESTION, "answer": RIGHT}
        assert client.post(reverse(f"admin:annotations_{model}_add"), body).status_code == 302
        made: Any = kind._default_manager.get()
        assert (made.question, made.answer, made.team_id, made.created_by) == (QUESTION, RIGHT, app.team_id, operator)
        assert made.embedding is not None
        change = reverse(f"admin:annotations_{model}_change", args=[made.id])
        body = {"question": "Why?", "answer": "So.", "is_enabled": "on"}
        assert client.post(change, body).status_code == 302
        made.refresh_from_db()
        assert (made.question, made.answer) == ("Why?", "So.")
        assert (
            client.post(reverse(f"admin:annotations_{model}_delete", args=[made.id]), {"post": "yes"}).status_code
            == 302
        )
        assert not kind._default_manager.exists()


def test_answers_are_switched_in_the_list_and_in_the_form(client: Client, app: Application, operator: User) -> None:
    client.force_login(operator)
    add = {"team_id": app.team_id, "application_id": app.id, "question": QUESTION, "answer": RIGHT}
    made: tuple[Any, ...] = (services.add_annotation(**add), services.add_example(**add))
    for row in made:
        model = row._meta.model_name
        address = reverse(f"admin:annotations_{model}_changelist")
        for action, enabled in (("disable", False), ("enable", True)):
            said = client.post(address, {"action": action, "_selected_action": [str(row.id)]}, follow=True)
            row.refresh_from_db()
            assert row.is_enabled is enabled
            assert "1 changed." in said.content.decode()
        change = reverse(f"admin:annotations_{model}_change", args=[row.id])
        assert client.post(change, {"question": QUESTION, "answer": RIGHT}).status_code == 302
        row.refresh_from_db()
        assert row.is_enabled is False


def test_another_team_sees_nothing_of_it(client: Client, app: Application, operator: User, stranger: User) -> None:
    row = hit(annotated(app))
    found = AnswerImport.objects.create(
        team_id=app.team_id, application=app, file_name="bees.csv", format="csv", beat_at=row.created_at
    )
    client.force_login(stranger)
    theirs = make_app(Team.objects.get(slug="wasps"), slug="theirs")
    for name in ("reply_app", "reply_try"):
        assert client.get(reverse(f"admin:annotations_{name}", args=[app.slug])).status_code == 404
    page = reverse("admin:annotations_answer_import", args=[found.id])
    assert client.get(page).status_code == 404
    assert client.post(f"{page}take-in/").status_code == 404
    assert app.name not in client.get(reverse("admin:annotations_replysetting_changelist")).content.decode()
    assert "bees.csv" not in client.get(reverse("admin:annotations_answerimport_changelist")).content.decode()
    body = {"application": str(app.id), "question": "Q?", "answer": "A."}
    response = client.post(reverse("admin:annotations_annotation_add"), body)
    assert "application" in response.context["adminform"].form.errors
    body["application"] = str(theirs.id)
    assert client.post(reverse("admin:annotations_annotation_add"), body).status_code == 302


def test_pages_take_as_many_queries_however_much_there_is(
    client: Client, team: Team, app: Application, editor: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        other = make_app(team, slug=f"app-{number}")
        hit(annotated(other, f"Question {number}?"))
        hit(annotated(app, f"Question {number}?"))
        AnswerImport.objects.create(
            team=team, application=other, file_name=f"{number}.csv", format="csv", beat_at=app.created_at
        )
    client.force_login(editor)
    for address, most in (
        (reverse("admin:annotations_replysetting_changelist"), 20),
        (reverse(REPLY, args=[app.slug]), 26),
        (reverse("admin:annotations_reply_try", args=[app.slug]) + "?question=Question 3", 14),
        (reverse("admin:annotations_answerimport_changelist"), 20),
        (reverse("admin:annotations_annotation_changelist"), 24),
        (reverse("admin:annotations_annotationhit_changelist"), 24),
    ):
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_a_list_is_exported_as_it_is_filtered(server: str, client: Client, app: Application, operator: User) -> None:
    import httpx

    annotated(app)
    services.toggle_annotation(annotated(app, "Is wax edible?"), enabled=False)
    client.force_login(operator)
    cookies = {"sessionid": client.cookies["sessionid"].value}
    address = server + reverse("admin:annotations_annotation_export", args=["csv"])
    sheet = httpx.get(address, params={"is_enabled__exact": "0"}, cookies=cookies)
    assert [row.question for row in read_rows(io.BytesIO(sheet.content), format="csv")] == ["Is wax edible?"]
    assert "annotation-" in sheet.headers["Content-Disposition"]
    everything = httpx.get(server + reverse("admin:annotations_annotation_export", args=["jsonl"]), cookies=cookies)
    assert everything.text.count("\n") == 2
