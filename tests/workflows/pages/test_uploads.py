"""Files given on the pages' forms: by members, and by visitors of a chat that asks for them."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role, Team
from apps.workflows.models import File
from apps.workflows.pages import uploads
from tests.workflows.pages.test_pages import make, person

pytestmark = pytest.mark.django_db
PAPER = {"inputs": [{"name": "paper", "label": "Paper", "type": "file", "required": False}]}


@pytest.fixture
def team():
    return Team.objects.create(slug="acme", name="Acme")


def send(client, address, content=b"Bees dance."):
    return client.post(address, {"file": SimpleUploadedFile("bees.txt", content)})


def test_a_member_uploads_for_the_playground_and_others_do_not(team):
    app = make(team, **PAPER)
    address = f"/apps/{app.slug}/playground/files/"
    answered = send(person(team, Role.EDITOR), address)
    assert answered.status_code == 201
    assert answered.json()["name"] == "bees.txt"
    file = File.objects.get()
    assert (file.team, file.application, file.source, file.end_user) == (team, app, "console", "editor@acme")
    stranger = person(Team.objects.create(slug="other", name="Other"), Role.ADMIN)
    assert send(stranger, address).status_code in (403, 404)
    assert send(Client(), address).status_code in (302, 403)
    assert File.objects.count() == 1


def test_a_visitor_uploads_only_where_a_public_chat_asks_for_files(team, monkeypatch):
    app, plain = make(team, public=True, **PAPER), make(team, name="Plain", public=True)
    visitor = Client()
    assert send(visitor, f"/chat/{app.slug}/files/").status_code == 403  # nobody yet
    page = visitor.get(f"/chat/{app.slug}/")
    assert f"/chat/{app.slug}/files/" in page.text
    assert send(visitor, f"/chat/{app.slug}/files/").status_code == 201
    assert File.objects.get().end_user.startswith("visitor-")
    assert send(visitor, f"/chat/{plain.slug}/files/").status_code == 403
    monkeypatch.setattr(uploads, "PUBLIC_BYTES", 5)
    assert send(visitor, f"/chat/{app.slug}/files/").status_code == 413
