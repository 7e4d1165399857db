"""The versions page: what changed, publishing with a note, going back, taking a document home or to Dify."""

from __future__ import annotations

import json

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.workflows import services
from apps.workflows.dsl import load
from apps.workflows.models import Application
from tests.workflows.conftest import CHAT
from tests.workflows.dsl.dify.documents import chat_of, model, node

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(member):
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture
def app(make_app):
    """An app with two versions: the prompt says something else, and there is one more node."""
    made = make_app(CHAT)
    document = load(CHAT.replace("You said: {{ reply.text }}", "You really said: {{ reply.text }}"))
    document["nodes"].insert(2, {"id": "extra", "type": "template-transform", "config": {"template": "<b>"}})
    document["edges"].append({"from": "start", "to": "extra"})
    document["canvas"] = {"say": [1, 2]}
    services.save_version(application=made, document=document, note="Longer")
    made.refresh_from_db()
    return made


def test_two_versions_are_compared_by_what_they_mean(browser, app):
    page = browser.get(f"/apps/{app.slug}/versions/1/to/2/").content.decode()
    assert "<ins>really " in page
    assert "template-transform" not in page or "extra" in page
    assert "start → extra" in page
    assert "<b>" not in page.split("<main")[-1].split("</main")[0].replace("&lt;b&gt;", "")
    back = browser.get(f"/apps/{app.slug}/versions/2/to/1/").content.decode()
    assert "<del>really " in back
    same = browser.get(f"/apps/{app.slug}/versions/2/to/2/").content.decode()
    assert "<ins>" not in same


def test_the_list_leads_to_comparisons_and_exports(browser, app):
    page = browser.get(f"/apps/{app.slug}/versions/").content.decode()
    assert f"/apps/{app.slug}/versions/1/to/2/" in page
    assert f"/apps/{app.slug}/versions/2/dify.yml" in page
    chosen = browser.get(f"/apps/{app.slug}/versions/compare/", {"old": "2", "new": "1"})
    assert chosen.headers["Location"] == f"/apps/{app.slug}/versions/2/to/1/"
    for query in ({"old": "x", "new": "1"}, {"old": "9" * 400, "new": "1"}, {}):
        assert browser.get(f"/apps/{app.slug}/versions/compare/", query).status_code == 302
    assert browser.get(f"/apps/{app.slug}/versions/1/to/77/").status_code == 302


def test_publishing_keeps_the_note_and_restoring_makes_a_new_version(browser, app):
    browser.post(f"/apps/{app.slug}/publish/", {"number": "2", "note": "Friendlier"})
    app.refresh_from_db()
    assert (app.live.number, app.live.note) == (2, "Friendlier")
    browser.post(f"/apps/{app.slug}/versions/1/restore/")
    app.refresh_from_db()
    assert app.draft.number == 3
    assert app.draft.document == app.versions.get(number=1).document


def test_an_export_to_dify_comes_back_as_it_was(browser, app):
    response = browser.get(f"/apps/{app.slug}/versions/2/dify.yml")
    assert response.headers["Content-Disposition"].endswith('-v2.dify.yml"')
    raw = yaml.safe_load(response.content)
    assert (raw["kind"], raw["app"]["mode"]) == ("app", "advanced-chat")
    assert load(response.content) == app.versions.get(number=2).document
    assert load(browser.get(f"/apps/{app.slug}/versions/2/document.yaml").content) == load(response.content)


def test_a_document_of_dify_is_imported_by_page_and_says_what_it_lacks(browser, app):
    raw = chat_of(
        node("2", "llm", "LLM", model=model(), prompt_template=[{"role": "user", "text": "{{#sys.query#}}"}]),
        node(
            "3", "tool", "Paint", provider_id="acme", provider_name="acme", provider_type="builtin", tool_name="paint"
        ),
        answer="{{#2.text#}}",
    )
    upload = SimpleUploadedFile("app.yml", yaml.safe_dump(raw, allow_unicode=True).encode())
    page = browser.post("/apps/import/", {"file": upload}, follow=True).content.decode()
    assert "paint" in page
    made = Application.objects.get(name="Beekeeper")
    assert made.live.document["skep"] == 1
    refused = SimpleUploadedFile("app.yml", json.dumps({**raw, "kind": "rag_pipeline"}).encode())
    assert "unsupported_format" in browser.post("/apps/import/", {"file": refused}).content.decode()


def test_strangers_see_no_versions(app):
    for address in ("1/to/2/", "2/dify.yml", "compare/?old=1&new=2"):
        assert Client().get(f"/apps/{app.slug}/versions/{address}").status_code in (302, 404)
        assert "Location" not in (answer := Client().get(f"/apps/{app.slug}/versions/{address}")).headers or (
            "/login/" in answer.headers["Location"]
        )
