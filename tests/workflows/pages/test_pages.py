"""Who sees which page of an app, what a bad document says, and what conversations are told."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.datasets.services.datasets import create_dataset
from apps.workflows import services
from apps.workflows.dsl import dump
from apps.workflows.models import Application, Conversation, Message, Run
from apps.workflows.pages.starters import STARTERS, starter_document
from apps.workflows.selectors.visitors import COOKIE, visitor_of
from providers.services import store_credential

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return Team.objects.create(slug="acme", name="Acme")


def person(team: Team, role: str) -> Client:
    """A signed-in browser of somebody with this role."""
    user = User.objects.create_user(f"{role}@{team.slug}", password="irrelevant here")
    Membership.objects.create(team=team, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def make(team: Team, starter: str = "chat", *, name: str = "Helper", public: bool = False, **more: Any) -> Application:
    document = {**starter_document(starter, name=name), **more}
    application, _saved = services.import_document(text=dump(document), team_id=team.id)
    services.set_public(application, is_public=public)
    return application


def turn(app: Application, *, source: str, end_user: str, query: str = "Hello") -> Message:
    conversation = Conversation.objects.create(team=app.team, application=app, source=source, end_user=end_user)
    facts = {"team": app.team, "application": app, "conversation": conversation, "query": query}
    run = Run.objects.create(version=app.live, source=source, end_user=end_user, started_at=timezone.now(), **facts)
    return Message.objects.create(run=run, answer="Hi", status="normal", **facts)


PAGES = ("", "playground/", "document/", "versions/", "runs/", "keys/", "settings/")


@pytest.mark.parametrize("page", PAGES)
def test_somebody_elses_app_does_not_exist(team: Team, page: str) -> None:
    app = make(team)
    stranger = person(Team.objects.create(slug="other", name="Other"), Role.OWNER)
    assert stranger.get(f"/apps/{app.slug}/{page}").status_code == 404
    assert Client().get(f"/apps/{app.slug}/{page}").status_code == 302


@pytest.mark.parametrize(
    ("page", "status"), [("", 200), ("playground/", 200), ("runs/", 200), ("keys/", 403), ("settings/", 403)]
)
def test_a_viewer_looks_and_tries_but_changes_nothing(team: Team, page: str, status: int) -> None:
    app = make(team)
    viewer = person(team, Role.VIEWER)
    assert viewer.get(f"/apps/{app.slug}/{page}").status_code == status
    assert viewer.post(f"/apps/{app.slug}/publish/").status_code == 403
    assert viewer.post(f"/apps/{app.slug}/document/", {"document": "skep: 1"}).status_code == 403
    assert app.versions.count() == 1


@pytest.mark.parametrize("starter", [starter.key for starter in STARTERS])
def test_every_starter_makes_an_app_that_is_published_and_drawn(team: Team, starter: str) -> None:
    create_dataset(team_id=team.id, name="Handbook")
    editor = person(team, Role.EDITOR)
    response = editor.post("/apps/new/", {"name": "My app", "starter": starter, "dataset": "handbook"})
    app = Application.objects.get()
    assert response["Location"] == f"/apps/{app.slug}/playground/"
    assert app.live is not None
    overview = editor.get(f"/apps/{app.slug}/").content.decode()
    assert overview.count('class="drawing-box') == len(app.live.document["nodes"])


def test_an_app_that_searches_needs_a_dataset(team: Team) -> None:
    editor = person(team, Role.EDITOR)
    response = editor.post("/apps/new/", {"name": "My app", "starter": "retrieval", "dataset": ""})
    assert "There is no dataset yet." in response.content.decode()
    assert not Application.objects.exists()


def test_warnings_about_an_import_name_the_step_not_a_place_in_a_file(team: Team) -> None:
    config = {"query": "sys.query", "datasets": ["gone"]}
    document = starter_document("chat", name="Own")
    document["nodes"].append({"id": "look", "type": "knowledge-retrieval", "title": "Look it up", "config": config})
    document["edges"].append({"from": document["nodes"][0]["id"], "to": "look"})
    upload = SimpleUploadedFile("own.yaml", dump(document).encode())
    page = person(team, Role.EDITOR).post("/apps/import/", {"file": upload}, follow=True).content.decode()
    assert "Step “Look it up”: There is no dataset gone in this team." in page
    assert "/nodes/" not in page


def test_warnings_about_what_dify_has_name_the_step_of_its_file(team: Team) -> None:
    facts = {"title": "To English", "provider_id": "google_translate", "tool_name": "translate"}
    nodes: list[dict[str, Any]] = [
        {"id": "1", "data": {"type": "start", "title": "Start", "variables": []}},
        {"id": "2", "data": {"type": "tool", "provider_type": "builtin", **facts}},
        {"id": "3", "data": {"type": "end", "title": "End", "outputs": []}},
    ]
    edges = [{"source": "1", "target": "2"}, {"source": "2", "target": "3"}]
    app = {"name": "Translate", "mode": "workflow"}
    document = {"app": app, "kind": "app", "version": "0.1.5", "workflow": {"graph": {"nodes": nodes, "edges": edges}}}
    upload = SimpleUploadedFile("dify.yml", json.dumps(document).encode())
    page = person(team, Role.EDITOR).post("/apps/import/", {"file": upload}, follow=True).content.decode()
    assert "Step “To English”:" in page
    assert "/workflow/graph" not in page


def test_an_import_names_the_models_that_nobody_serves(team: Team) -> None:
    store_credential(
        team_id=team.id, name="mine", base_url="https://models.example/v1", secret="s", chat_models=["served"]
    )
    document = starter_document("chat", name="Own")
    asks = {"type": "llm", "config": {"prompt": [{"role": "user", "text": "Hi"}]}}
    for name in ("served", "elsewhere-4"):
        config = {**asks["config"], "model": {"name": name}}  # type: ignore[dict-item]
        document["nodes"].append({**asks, "id": f"ask_{name[:4]}", "config": config})
        document["edges"].append({"from": document["nodes"][0]["id"], "to": f"ask_{name[:4]}"})
    upload = SimpleUploadedFile("own.yaml", dump(document).encode())
    page = person(team, Role.EDITOR).post("/apps/import/", {"file": upload}, follow=True).content.decode()
    assert "No provider serves elsewhere-4." in page


def test_an_invalid_upload_shows_every_error_and_keeps_nothing(team: Team) -> None:
    broken = (
        b"skep: 1\napp: {name: Broken, kind: chat}\nnodes:\n- {id: a, type: start}\n- {id: b, type: nonsense}\n"
        b"edges:\n- {from: a, to: nowhere}\n"
    )
    upload = SimpleUploadedFile("broken.yaml", broken)
    page = person(team, Role.EDITOR).post("/apps/import/", {"file": upload}).content.decode()
    for path in ("/nodes/1/type", "/edges/0/to"):
        assert path in page
    assert not Application.objects.exists()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"nodes: [", b"just words", b""])
def test_a_file_that_is_no_document_is_refused_with_words(team: Team, content: bytes) -> None:
    upload = SimpleUploadedFile("some.yaml", content)
    response = person(team, Role.EDITOR).post("/apps/import/", {"file": upload})
    assert response.status_code == 200
    assert "circle-alert" in response.content.decode()
    assert not Application.objects.exists()


def test_the_curl_example_is_a_call_that_the_app_takes(team: Team) -> None:
    app = make(team, "workflow", name="It's a flow")
    page = person(team, Role.EDITOR).get(f"/apps/{app.slug}/")
    words = shlex.split(page.context["curl"].replace("\\\n", " "))
    body = json.loads(words[words.index("-d") + 1])
    assert body["inputs"] == {"text": "…", "style": "short"}


def test_the_playground_of_an_app_without_a_start_leads_to_its_triggers(team: Team) -> None:
    document = {
        "skep": 1,
        "app": {"name": "Morning", "kind": "workflow"},
        "nodes": [
            {"id": "morning", "type": "trigger-schedule", "config": {"every": "day"}},
            {"id": "end", "type": "end", "config": {"outputs": {"due": "morning.due_at"}}},
        ],
        "edges": [{"from": "morning", "to": "end"}],
    }
    app, _saved = services.import_document(text=dump(document), team_id=team.id)
    page = person(team, Role.EDITOR).get(f"/apps/{app.slug}/playground/").content.decode()
    assert "Its triggers begin its runs" in page
    assert "data-send" not in page


def test_the_public_page_is_there_only_while_it_is_open_and_for_chats(team: Team) -> None:
    app = make(team, public=True)
    assert Client().get(f"/chat/{app.slug}/").status_code == 200
    services.set_public(app, is_public=False)
    assert Client().get(f"/chat/{app.slug}/").status_code == 404
    flow = make(team, "workflow", name="Flow", public=True)
    assert Client().get(f"/chat/{flow.slug}/").status_code == 404


def test_a_visitor_reads_only_their_own_conversations(team: Team) -> None:
    app = make(team, public=True)
    visitor, other = Client(), Client()
    assert visitor.get(f"/chat/{app.slug}/history/?conversation=latest").status_code == 404
    for client in (visitor, other):
        client.get(f"/chat/{app.slug}/")  # the page names the visitor in a signed cookie
    name = visitor_of({COOKIE: visitor.cookies[COOKIE].value})
    message = turn(app, source=Run.Source.PUBLIC, end_user=name, query="My question")
    address = f"/chat/{app.slug}/history/?conversation={message.conversation_id}"
    found = visitor.get(address).json()
    assert [row["query"] for row in found["turns"]] == ["My question"]
    assert visitor.get(f"/chat/{app.slug}/history/?conversation=latest").json() == found
    assert other.get(address).status_code == 404
    assert Client().get(address).status_code == 404
    assert visitor.get(f"/chat/{app.slug}/history/?conversation=nonsense").status_code == 404


def test_the_visitors_page_holds_no_member_links(team: Team) -> None:
    app = make(team, public=True)
    config = Client().get(f"/chat/{app.slug}/").context["chat"]
    assert (config["trace"], config["review"], config["passages"], config["detailed"]) == ("", "", "", False)
    assert config["feedback"].endswith("/00000000-0000-0000-0000-000000000000/")


def test_deleting_asks_for_the_name_and_the_right(team: Team) -> None:
    app = make(team)
    person(team, Role.EDITOR).post(f"/apps/{app.slug}/settings/", {"action": "delete", "confirm": app.slug})
    owner = person(team, Role.OWNER)
    owner.post(f"/apps/{app.slug}/settings/", {"action": "delete", "confirm": "something else"})
    assert Application.objects.filter(id=app.id).exists()
    owner.post(f"/apps/{app.slug}/settings/", {"action": "delete", "confirm": app.slug})
    assert not Application.objects.filter(id=app.id).exists()
