"""A draft that is something else than what is published: only the playground follows it."""

from __future__ import annotations

import pytest
import yaml
from django.test import Client

from apps.workflows import services
from apps.workflows.dsl import load
from tests.workflows.conftest import CHAT, WORKFLOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(member):
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture
def app(make_app):
    """A chat that became a workflow when its second version was published."""
    made = make_app(CHAT)
    saved = services.save_version(application=made, document=load(WORKFLOW))
    services.publish_version(application=made, version=saved.version)
    made.refresh_from_db()
    return made


def test_what_is_published_is_served_whatever_the_draft_became(browser, app, key_of):
    assert app.kind == "workflow"
    assert browser.post(f"/apps/{app.slug}/versions/1/restore/").status_code == 302
    app.refresh_from_db()
    assert (app.draft.kind, app.kind, app.name) == ("chat", "workflow", "Shout")

    headers = key_of(app)
    client = Client()
    assert client.get("/v1/info", headers=headers).json()["mode"] == "workflow"
    body = {"inputs": {}, "response_mode": "blocking", "user": "bo"}
    taken = client.post("/v1/workflows/run", body, content_type="application/json", headers=headers)
    assert "Word is required" in taken.json()["message"]  # the workflow itself lacks an input, so it would have run
    asked = {"query": "Hi", "inputs": {}, "response_mode": "blocking", "user": "bo"}
    refused = client.post("/v1/chat-messages", asked, content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "not_chat_app")
    assert f"/apps/{app.slug}/triggers/" in browser.get(f"/apps/{app.slug}/").content.decode()
    services.set_public(app, is_public=True)
    assert client.get(f"/chat/{app.slug}/").status_code == 404


def test_the_playground_follows_the_draft_and_publishing_makes_it_what_is_served(browser, app):
    browser.post(f"/apps/{app.slug}/versions/1/restore/")
    tried = browser.get(f"/apps/{app.slug}/playground/")
    assert tried.context["chat"]["kind"] == "chat"
    assert browser.get(f"/apps/{app.slug}/playground/?version=live").context["chat"]["kind"] == "workflow"
    app.refresh_from_db()
    accepted = services.accept_chat(
        application=app, version=app.draft, query="Hi", inputs={}, source="console", end_user="ada"
    )
    assert accepted.info.kind == "chat"
    browser.post(f"/apps/{app.slug}/publish/")
    app.refresh_from_db()
    assert (app.kind, app.name) == ("chat", "Echo")


def test_an_app_that_was_never_published_is_what_its_draft_is(team):
    app = services.create_application(team_id=team.id, name="New", kind="chat")
    services.save_version(application=app, document=yaml.safe_load(WORKFLOW))
    app.refresh_from_db()
    assert (app.kind, app.name) == ("workflow", "Shout")
