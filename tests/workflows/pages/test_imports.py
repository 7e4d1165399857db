"""Importing on the page: where a document goes, what is told about it and for how long, and what apps are called."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Membership, Role, Team, User
from apps.workflows.dsl import dump, load
from apps.workflows.models import Application
from tests.workflows.conftest import CHAT

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(member: User) -> Client:
    client = Client()
    client.force_login(member)
    return client


def upload(browser: Client, document: str | dict[str, Any], **more: str) -> Any:
    text = document if isinstance(document, str) else dump(document)
    return browser.post("/apps/import/", {"file": SimpleUploadedFile("app.yaml", text.encode()), **more}, follow=True)


def lacking() -> dict[str, Any]:
    """A chat whose second step searches what is not there."""
    document = load(CHAT)
    config = {"query": "sys.query", "datasets": ["gone"]}
    document["nodes"].append({"id": "look", "type": "knowledge-retrieval", "title": "Look it up", "config": config})
    document["edges"].append({"from": "start", "to": "look"})
    return document


def test_an_import_leaves_the_app_of_the_same_name_alone(browser, make_app):
    there = make_app(CHAT)
    upload(browser, CHAT.replace("You said", "You wrote"))
    made = Application.objects.exclude(id=there.id).get()
    assert (made.name, made.slug, made.live.number) == ("Echo", "echo-2", 1)
    there.refresh_from_db()
    assert (there.versions.count(), there.live.document["nodes"][2]["config"]["text"][:8]) == (1, "You said")


def test_an_import_into_a_chosen_app_becomes_its_draft_only(browser, make_app):
    there = make_app(CHAT)
    assert f"?into={there.slug}" in browser.get(f"/apps/{there.slug}/document/").content.decode()
    assert '<option value="echo" selected>' in browser.get("/apps/import/?into=echo").content.decode()
    page = upload(browser, CHAT.replace("You said", "You wrote").replace("Echo", "Other"), into="echo")
    assert "Nothing is published." in page.content.decode()
    there.refresh_from_db()
    assert (there.name, there.live.number, there.draft.number) == ("Echo", 1, 2)
    assert Application.objects.count() == 1


def test_nobody_imports_into_the_app_of_another_team(browser, make_app):
    make_app(CHAT)
    other = Team.objects.create(slug="wasps", name="Wasps")
    stranger = User.objects.create_user(username="bo", password="secret-bo")
    Membership.objects.create(team=other, user=stranger, role=Role.ADMIN)
    theirs = Client()
    theirs.force_login(stranger)
    assert theirs.get("/apps/import/").content.decode().count("<option") == 1
    upload(theirs, CHAT, into="echo")
    assert Application.objects.get().versions.count() == 1


def test_what_an_import_told_stays_until_it_is_dismissed(browser):
    upload(browser, lacking())
    address = "/apps/echo/document/"
    note = "Step “Look it up”: There is no dataset gone in this team."
    for _again in range(2):
        page = browser.get(address).content.decode()
        assert page.count(note) == 1
        assert "1 thing to look at in version 1" in page
    browser.post("/apps/echo/notes/dismiss/")
    assert note not in browser.get(address).content.decode()


def test_packages_that_the_sandbox_lacks_are_told_with_their_step(browser):
    document = load(CHAT)
    config = {"code": "import requests\ndef main(): return {'n': 1}", "inputs": {}, "outputs": {"n": "number"}}
    document["nodes"].append({"id": "get", "type": "code", "title": "Fetch", "config": config})
    document["edges"].append({"from": "start", "to": "get"})
    page = upload(browser, document).content.decode()
    assert "Step “Fetch”: The sandbox&#x27;s profile “base” has no package requests." in page


def test_notes_go_when_the_document_changes(browser):
    upload(browser, lacking())
    browser.post("/apps/echo/document/", {"document": CHAT})
    assert "Look it up" not in browser.get("/apps/echo/document/").content.decode()
    assert Application.objects.get().draft.notes == []


def test_a_viewer_reads_the_notes_and_dismisses_none(browser, team):
    upload(browser, lacking())
    viewer = User.objects.create_user(username="vi", password="secret-vi")
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    theirs = Client()
    theirs.force_login(viewer)
    assert "Look it up" in theirs.get("/apps/echo/document/").content.decode()
    assert theirs.post("/apps/echo/notes/dismiss/").status_code == 403
    assert Application.objects.get().draft.notes


def test_a_chinese_name_is_readable_in_its_address(browser):
    upload(browser, CHAT.replace("Echo", "客服助手"))
    app = Application.objects.get()
    assert app.slug == "客服助手"
    for page in ("", "playground/", "document/", "versions/", "runs/", "keys/", "settings/"):
        assert browser.get(f"/apps/{quote(app.slug)}/{page}").status_code == 200
    file = browser.get(f"/apps/{quote(app.slug)}/versions/1/document.yaml")
    assert quote("客服助手-v1.yaml") in file.headers["Content-Disposition"]
    browser.post(f"/apps/{quote(app.slug)}/settings/", {"is_public": "on"})
    assert Client().get(f"/chat/{quote(app.slug)}/").status_code == 200


def test_no_app_takes_the_address_of_another_page(browser):
    upload(browser, CHAT.replace("Echo", "New"))
    assert Application.objects.get().slug == "new-2"


def test_an_app_is_renamed_in_its_settings_and_keeps_its_address(browser, make_app):
    app = make_app(CHAT)
    browser.post("/apps/echo/settings/", {"action": "rename", "name": "  Parrot \n"})
    app.refresh_from_db()
    assert (app.name, app.slug, app.live.number) == ("Parrot", "echo", 1)
    assert app.draft.document["app"]["name"] == "Parrot"
    browser.post("/apps/echo/publish/")
    app.refresh_from_db()
    assert (app.name, app.live.number) == ("Parrot", 2)
    for bad in ("", "  ", "x" * 121):
        page = browser.post("/apps/echo/settings/", {"action": "rename", "name": bad}, follow=True).content.decode()
        assert "A name has 1 to 120 characters." in page
    app.refresh_from_db()
    assert app.name == "Parrot"
