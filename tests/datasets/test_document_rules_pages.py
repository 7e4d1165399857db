"""A document's own rules, another file for a bad one, and what is asked before something is destroyed."""

import logging
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import Membership, Role, User
from apps.datasets.models import Dataset, Document, ExternalKnowledge
from apps.datasets.services.datasets import change_settings
from apps.datasets.services.evaluate import DEFAULT_VARIANTS, Question
from apps.datasets.services.evaluate_jobs import start_evaluation, work_on
from apps.datasets.services.metadata import add_field, set_values
from tests.datasets.making import pdf, put
from tests.datasets.test_chunk_pages import CHOSEN
from tests.datasets.test_pages import JSON, act, text, upload


@pytest.fixture
def member(client, editor):
    client.force_login(editor)
    return client


def at(name: str, dataset, *more: object) -> str:
    return reverse(f"datasets:{name}", args=[dataset.slug, *more])


def held(member, dataset, *names: str) -> list[Document]:
    for name in names:
        file = SimpleUploadedFile(name, f"{name} is about bees. ".encode() * 20)
        member.post(at("upload", dataset), {"files": [file], "hold": "on"}, **JSON)
    return list(Document.objects.order_by("id"))


def test_rules_for_one_upload_leave_the_dataset_and_the_others_alone(member, dataset):
    first, second = held(member, dataset, "a.txt", "b.txt")
    rows = text(member.get(at("rows", dataset)))
    assert rows.count("nothing read yet") == 2
    assert "hx-trigger" not in rows  # nothing changes by itself
    page = text(member.get(at("preview", dataset, first.id)))
    assert "this document and 1 other that waits" in page
    member.post(at("preview", dataset, first.id), CHOSEN | {"scope": "document"})
    first.refresh_from_db()
    second.refresh_from_db()
    dataset.refresh_from_db()
    assert first.settings["chunking"]["size"] == 120
    assert (first.status, second.status, second.settings, dataset.settings) == ("uploaded", "paused", {}, {})
    assert "settings of its own" in text(member.get(at("document", dataset, first.id)))
    assert "1 document has settings of its own" in text(member.get(at("chunking", dataset)))


def test_rules_for_all_that_wait_start_all_of_them(member, dataset):
    first, _second = held(member, dataset, "a.txt", "b.txt")
    done = put(dataset, "c.txt", "Drones.").document
    member.post(at("preview", dataset, first.id), CHOSEN | {"scope": "waiting"})
    sizes = [each.settings.get("chunking", {}).get("size") for each in Document.objects.order_by("id")]
    assert sizes == [120, 120, None]
    assert set(Document.objects.exclude(id=done.id).values_list("status", flat=True)) == {"uploaded"}


def test_a_setting_is_shown_with_the_ways_of_cutting_that_know_it(member, dataset):
    page = text(member.get(at("chunking", dataset)))
    parts = re.findall(r'<fieldset class="form-part"(?: data-modes="([^"]*)")?>(.*?)</fieldset>', page, re.S)
    modes = {name: modes for modes, part in parts for name in re.findall(r' name="(\w+)"', part)}
    assert (modes["mode"], modes["spaces"]) == ("", "")
    assert modes["size"] == "general parent_child"
    assert (modes["parent_mode"], modes["question"]) == ("parent_child", "qa")
    assert "the team&#x27;s default model" in page


def test_a_model_that_is_gone_stays_chosen_until_somebody_chooses_another(member, dataset):
    change_settings(dataset, {"chunking": {"mode": "qa", "pairs": {"model": "openai/gone"}}})
    page = text(member.get(at("chunking", dataset)))
    assert '<option value="openai/gone" selected>' in page


BAD = {
    "locked.pdf": (pdf([["Secret."]], password="bees"), "protected by a password"),
    "broken.pdf": (b"%PDF-1.4 and nothing more", "cannot be read as pdf"),
    "empty.txt": (b"", "holds no text"),
    "picture.pdf": (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "This file is"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_says_why_and_asks_for_another_one_instead_of_another_try(member, dataset, name):
    content, reason = BAD[name]
    document = put(dataset, name, content).document
    rows = text(member.get(at("rows", dataset)))
    assert reason in rows
    assert f"Index {name} again" not in rows
    assert "Retry all that failed" not in rows
    page = text(member.get(at("document", dataset, document.id)))
    assert "Use this file instead" in page
    good = SimpleUploadedFile("good.md", b"# Bees\n\nBees dance.")
    answer = member.post(at("replace", dataset, document.id), {"file": good}, follow=True)
    assert "is read from the new file" in text(answer)
    document.refresh_from_db()
    assert (document.name, document.status, Document.objects.count()) == ("good.md", "uploaded", 1)


def test_what_may_pass_by_itself_is_offered_another_try(member, dataset):
    put(dataset, "slow.pdf", b"%PDF-1.4")
    Document.objects.update(error={"code": "timeout", "message": "Too long.", "params": {"seconds": 300}})
    rows = text(member.get(at("rows", dataset)))
    assert "Index slow.pdf again" in rows
    assert "Retry all that failed" in rows


def test_the_same_content_twice_names_the_document_that_has_it(member, dataset):
    upload(member, dataset, ("a.txt", b"Bees dance."))
    again = upload(member, dataset, ("copy.txt", b"Bees dance."), **JSON).json()["files"][0]
    assert again["outcome"] == "unchanged"
    assert "copy.txt is already here, as “a.txt”" in again["message"]


def test_deleting_a_field_names_the_values_that_go_with_it(member, dataset):
    documents = [put(dataset, f"{n}.txt", f"Bees {n}.").document for n in range(2)]
    field = add_field(dataset, name="author", kind="string")
    set_values(dataset, document_ids=[each.id for each in documents], values={field.id: "Ann"})
    page = text(member.get(at("metadata", dataset)))
    dialog = re.search(r'<dialog class="dialog" id="delete-.*?</dialog>', page, re.S).group()
    assert "Delete the field “author”?" in dialog
    assert "Its values in 2 documents go with it." in dialog
    member.post(at("change-fields", dataset), {"action": "delete", "field": str(field.id)})
    assert "No fields yet" in text(member.get(at("metadata", dataset)))
    assert not Document.objects.exclude(attributes={}).exists()


def test_deleting_an_evaluation_names_what_goes_and_its_ways_are_called_as_in_the_form(member, dataset):
    put(dataset, "a.txt", "Bees dance.")
    questions = [Question(id="1", text="Who dances?", relevant={"a": 1})]
    made = start_evaluation(dataset, name="asked.jsonl", questions=questions, variants=DEFAULT_VARIANTS)
    work_on(made.id)
    page = text(member.get(at("evaluation", dataset, made.id)))
    assert "The measures of 1 question go with it." in page
    for label in ("Words and vectors", "Vectors", "Words"):
        assert f'<th scope="row">{label}</th>' in page


def test_an_external_address_that_may_not_be_reached_is_not_kept(member, team):
    given = {"name": "Elsewhere", "endpoint": "http://127.0.0.1:9/api", "knowledge_id": "K", "timeout": "5"}
    page = text(member.post(reverse("datasets:new-external"), given))
    assert "127.0.0.1:9 may not be reached from here" in page
    assert not Dataset.objects.exists()
    assert not ExternalKnowledge.objects.exists()


def test_an_external_address_that_does_not_answer_is_kept_and_told(member, team, settings):
    settings.EGRESS_ALLOW = "127.0.0.1:9"
    given = {"name": "Elsewhere", "endpoint": "http://127.0.0.1:9/api", "knowledge_id": "K", "timeout": "5"}
    page = text(member.post(reverse("datasets:new-external"), given, follow=True))
    assert "Saved, but a test question failed: It cannot be reached" in page
    assert Dataset.objects.get().kind == "external"


def test_who_is_denied_gets_a_page_and_leaves_no_traceback(client, team, dataset, caplog):
    viewer = User.objects.create_user(username="viewer", password="secret")
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    client.force_login(viewer)
    document = put(dataset, "a.txt", "Bees dance.").document
    with caplog.at_level(logging.WARNING, logger="django.request"):
        assert client.get(at("settings", dataset)).status_code == 403
        assert client.get(reverse("datasets:new-dataset")).status_code == 403
        assert act(client, document, "delete").status_code == 403
    assert len(caplog.records) == 3
    assert not any(record.exc_info for record in caplog.records)
