"""Files of answers: looked through, taken in, taken out again, and fetched, as programs do it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import Team, User
from apps.annotations import services
from apps.annotations.importing.reading import UnreadableFile, read_rows
from apps.annotations.models import Annotation, AnswerImport, FewShotExample, ReplyJob
from apps.annotations.services.embedding_jobs import embed_answers
from apps.annotations.services.import_jobs import work_on_import
from apps.workflows.models import Application
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_app, make_turn
from tests.annotations.test_feedback import bearer

URL = "/v1/apps/annotations/imports"
FILE = f"""question;answer;enabled
{QUESTION};"Weekly;
or so.";
When do bees swarm?;In May.;yes
;An answer to nothing;
When do bees swarm!;In June.;
Is wax edible?;Yes.;no
"""


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def bring(client: Any, app: Application, content: str, *, name: str = "bees.csv", **fields: str) -> dict[str, Any]:
    """Sends a file, lets the job look through it, and says what was found."""
    upload = SimpleUploadedFile(name, content.encode())
    answer = client.post(URL, {"file": upload, **fields}, headers=bearer(app))
    assert answer.status_code == 201, answer.content
    return go_on(client, app, answer.json()["id"])


def step(client: Any, app: Application, import_id: str, name: str, **body: str) -> dict[str, Any]:
    address = f"{URL}/{import_id}/{name}"
    answer = client.post(address, body, content_type="application/json", headers=bearer(app))
    assert answer.status_code == 200, answer.content
    return go_on(client, app, import_id)


def go_on(client: Any, app: Application, import_id: str) -> dict[str, Any]:
    while work_on_import(import_id):  # type: ignore[arg-type]
        pass
    body: dict[str, Any] = client.get(f"{URL}/{import_id}", headers=bearer(app)).json()
    return body


def texts() -> list[tuple[str, str]]:
    return sorted(Annotation.objects.values_list("question", "answer"))


@pytest.mark.django_db(transaction=True)
def test_a_file_changes_nothing_until_it_is_taken_in_and_can_be_taken_out(client, app, ask):
    found = bring(client, app, FILE)
    assert (found["stage"], found["status"], found["rows"]) == ("check", "completed", 5)
    assert found["found"] == {"new": 3, "faulty": 1, "repeated": 1}
    assert [(each["line"], each["fault"]) for each in found["errors"]] == [(5, "There is no question.")]
    assert texts() == []

    taken = step(client, app, found["id"], "take-in")
    assert (taken["stage"], taken["status"], taken["done"]) == ("take_in", "completed", found["found"])
    assert texts() == [
        (QUESTION, "Weekly;\nor so."),
        ("Is wax edible?", "Yes."),
        ("When do bees swarm?", "In May."),
    ]
    assert ask(app, QUESTION).text == "Weekly;\nor so."
    assert ask(app, "Is wax edible?") is None
    # Questions of like meaning are answered once the job that embeds has been there.
    near = "In spring, how often should I inspect a hive?"
    assert ask(app, near, annotation_reply={"threshold": 0.8}) is None
    assert not embed_answers(ReplyJob.objects.get().id)
    assert ask(app, near, annotation_reply={"threshold": 0.8}).text == "Weekly;\nor so."

    wax = Annotation.objects.get(question="Is wax edible?")
    services.edit_annotation(wax, question=wax.question, answer="In small pieces.")
    undone = step(client, app, found["id"], "undo")
    assert (undone["stage"], undone["status"], undone["left"]) == ("undo", "completed", 1)
    assert texts() == [("Is wax edible?", "In small pieces.")]


@pytest.mark.django_db(transaction=True)
def test_taking_a_file_out_keeps_what_people_did_since_and_says_what_and_why(client, app, ask, operator):
    for question in (QUESTION, "Do wasps sting?"):
        services.add_annotation(team_id=app.team_id, application_id=app.id, question=question, answer=WRONG)
    questions = [QUESTION, "Do wasps sting?", "Edited?", "Switched off?", "Switched on?", "Deleted?", "Untouched?"]
    lines = [{"question": each, "answer": "From the file.", "enabled": each != "Switched on?"} for each in questions]
    found = bring(client, app, "\n".join(map(json.dumps, lines)), name="bees.jsonl", duplicates="replace")
    step(client, app, found["id"], "take-in")
    by_question = {row.question: row for row in Annotation.objects.all()}
    services.toggle_annotation(by_question[QUESTION], enabled=False)
    services.edit_annotation(by_question["Edited?"], question="Edited?", answer="Since.")
    services.toggle_annotation(by_question["Switched off?"], enabled=False)
    services.toggle_annotation(by_question["Switched on?"], enabled=True)
    services.delete_annotation(by_question["Deleted?"])

    undone = step(client, app, found["id"], "undo")
    assert undone["left"] == 4
    rows = undone["kept"].pop("rows")
    assert undone["kept"] == {"edited": 1, "switched": 3}
    assert {(each["id"], each["why"]) for each in rows} == {
        (str(by_question["Edited?"].id), "edited"),
        *((str(by_question[each].id), "switched") for each in (QUESTION, "Switched off?", "Switched on?")),
    }
    left = sorted(Annotation.objects.values_list("question", "answer", "is_enabled"))
    assert left == sorted(
        [
            # Its own text again, and off as somebody left it.
            (QUESTION, WRONG, False),
            ("Do wasps sting?", WRONG, True),
            ("Edited?", "Since.", True),
            ("Switched off?", "From the file.", False),
            ("Switched on?", "From the file.", True),
        ]
    )
    client.force_login(operator)
    page = client.get(reverse("admin:annotations_answer_import", args=[found["id"]])).content.decode()
    assert "What stays, and why" in page
    assert "Somebody changed its text" in page
    assert reverse("admin:annotations_annotation_change", args=[by_question["Edited?"].id]) in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("duplicates", "done", "answer", "count"),
    [
        ("skip", {"kept": 1, "same": 1}, WRONG, 2),
        ("replace", {"replaced": 1, "same": 1}, RIGHT, 2),
        ("add", {"added": 1, "same": 1}, RIGHT, 3),
    ],
)
def test_a_question_that_has_an_answer_is_treated_as_was_chosen(client, app, ask, duplicates, done, answer, count):
    for question, text in ((QUESTION, WRONG), ("Is wax edible?", "Yes.")):
        services.add_annotation(team_id=app.team_id, application_id=app.id, question=question, answer=text)
    lines = [{"question": QUESTION.upper(), "answer": RIGHT}, {"question": "Is wax edible?", "answer": "Yes."}]
    found = bring(client, app, "\n".join(map(json.dumps, lines)), name="bees.jsonl")
    assert found["found"] == {"replaced": 1, "same": 1}
    taken = step(client, app, found["id"], "take-in", duplicates=duplicates)
    assert taken["done"] == done
    assert ask(app, QUESTION).text == answer
    assert Annotation.objects.count() == count
    step(client, app, found["id"], "undo")
    assert ask(app, QUESTION).text == WRONG
    assert Annotation.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_file_never_writes_over_an_approved_correction(client, app: Application, operator: User, ask):
    services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    found = bring(client, app, f"question,answer\n{QUESTION},{WRONG}\n", duplicates="replace")
    assert found["found"] == {"corrected": 1}
    assert step(client, app, found["id"], "take-in")["done"] == {"corrected": 1}
    assert ask(app, QUESTION).text == RIGHT


@pytest.mark.django_db(transaction=True)
def test_examples_are_brought_along_the_same_way(client, app):
    found = bring(client, app, "Prompt\tResponse\nWhy?\tBecause.\n", name="shots.tsv", target="examples")
    step(client, app, found["id"], "take-in")
    assert list(FewShotExample.objects.values_list("question", "answer")) == [("Why?", "Because.")]
    assert not Annotation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_goes_on_where_it_was(client, app, monkeypatch):
    monkeypatch.setattr("apps.annotations.services.import_jobs.BATCH", 2)
    lines = "".join(f"Question {number}?,Answer {number}.\n" for number in range(5))
    found = bring(client, app, f"question,answer\n{lines}")
    client.post(f"{URL}/{found['id']}/take-in", {}, content_type="application/json", headers=bearer(app))
    from apps.annotations.services import import_jobs

    row = AnswerImport.objects.get()
    row.status = "running"
    next(import_jobs._through_file(row))
    assert Annotation.objects.count() == 2
    assert go_on(client, app, found["id"])["done"] == {"new": 5}
    assert Annotation.objects.count() == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.csv", "one,two\nx,y\n", "must name the columns"),
        ("a.csv", b"question,answer\n\xe9t\xe9,x\n", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(client, app, name, content, word):
    raw = content if isinstance(content, bytes) else content.encode()
    made = client.post(URL, {"file": SimpleUploadedFile(name, raw)}, headers=bearer(app)).json()
    found = go_on(client, app, made["id"])
    assert found["status"] == "failed"
    assert word in found["error"]
    refused = client.post(f"{URL}/{made['id']}/take-in", {}, content_type="application/json", headers=bearer(app))
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


@pytest.mark.django_db(transaction=True)
def test_imports_of_another_app_do_not_exist(client, app):
    found = bring(client, app, FILE)
    other = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="wasps")
    for method, address in (("get", ""), ("post", "/take-in"), ("post", "/undo"), ("post", "/stop")):
        answer = getattr(client, method)(
            f"{URL}/{found['id']}{address}", content_type="application/json", headers=bearer(other)
        )
        assert answer.status_code == 404
    assert client.post(URL, {"file": SimpleUploadedFile("a.pdf", b"x")}, headers=bearer(app)).status_code == 400
    limited = bearer(app, scopes=["chat"])
    assert client.post(URL, {"file": SimpleUploadedFile("a.csv", b"x")}, headers=limited).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_what_is_exported_can_be_imported_again(server, client, app, monkeypatch):
    monkeypatch.setattr("apps.annotations.services.exporting_answers.PAGE", 2)
    given = {"=1+1?": "- one\n- two", "Why, “bees”?": '"So"', "Off?": "No.", "Soon?": "Yes.", "When?": "Now."}
    for question, answer in given.items():
        row = services.add_annotation(team_id=app.team_id, application_id=app.id, question=question, answer=answer)
        services.toggle_annotation(row, enabled=question != "Off?")
    address = f"{server}/v1/apps/annotations/export"
    sheet = httpx.get(address, headers=bearer(app)).content
    lines = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    assert [line["question"] for line in lines] == ["When?", "Soon?", "Off?", "Why, “bees”?", "'=1+1?"]
    assert {row.question: row.answer for row in read_rows(io.BytesIO(sheet), format="csv")} == given
    objects = httpx.get(address, params={"as": "jsonl", "enabled": "false"}, headers=bearer(app)).text
    assert [(each["question"], each["enabled"]) for each in map(json.loads, objects.splitlines())] == [("Off?", False)]
    assert "Off?" not in httpx.get(address, params={"keyword": "bees"}, headers=bearer(app)).text
    assert httpx.get(address, params={"as": "xml"}, headers=bearer(app)).status_code == 400

    Annotation.objects.all().delete()
    found = bring(client, app, sheet.decode("utf-8-sig"))
    step(client, app, found["id"], "take-in")
    assert dict(texts()) == given
    assert Annotation.objects.get(is_enabled=False).question == "Off?"


def test_lines_of_json_are_judged_one_by_one():
    good, other = '{"question": "A?", "answer": "B."}', '{"Query": " Q ", "Response": "R"}'
    lines = "\n".join([good, "nonsense", "", "[1]", '{"question": 1, "answer": "x"}', other])
    rows = list(read_rows(io.BytesIO(lines.encode()), format="jsonl"))
    assert [(row.line, row.question, bool(row.fault)) for row in rows] == [
        (1, "A?", False),
        (2, "", True),
        (4, "", True),
        (5, "", True),
        (6, "Q", False),
    ]


def test_a_sheet_saved_as_utf_16_is_read():
    [row] = read_rows(io.BytesIO("问题,答案\n蜜蜂？,会飞。\n".encode("utf-16")), format="csv")
    assert (row.question, row.answer) == ("蜜蜂？", "会飞。")
    with pytest.raises(UnreadableFile):
        list(read_rows(io.BytesIO(b""), format="csv"))
